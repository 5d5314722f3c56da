// SPDX-License-Identifier: MIT
// `ostler start`: a daemon in the background that is ready when this returns, or the reason why it
// is not.
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/ostler/child.hpp"
#include "cmd/ostler/verbs.hpp"
#include "config/load.hpp"
#include "config/places.hpp"
#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{
namespace
{

using namespace std::chrono_literals;

constexpr auto usual_timeout = 60s;
constexpr std::streamoff shown_log = 4096; // of the end, when it does not come up

// What was written to the log since we looked first.
std::string log_since(const std::string& path, std::streamoff from)
{
    std::ifstream file{path};
    file.seekg(0, std::ios::end);
    const std::streamoff size = file.tellg();
    file.seekg(std::max(from, size - shown_log));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::streamoff size_of(const std::string& path)
{
    struct stat file {
    };
    return ::stat(path.c_str(), &file) == 0 ? file.st_size : 0;
}

std::string status_in(const std::string& message)
{
    const std::size_t at = message.find("STATUS=");
    if (at == std::string::npos)
        return {};
    return message.substr(at + 7, message.find('\n', at) - at - 7);
}

// The daemon on its way up.
class Starting
{
public:
    Starting(std::string control, std::string log)
        : control_{std::move(control)}, log_{std::move(log)}, log_before_{size_of(log_)}
    {
    }

    int run(const Call& call, const std::string& spec);

private:
    enum class Heard { nothing, ready, hopeless, ended };
    Heard wait(control::Client::Deadline deadline);
    Heard hear();
    void follow(const std::string& status);
    int ended();
    int not_ready(int code) const;

    std::string control_;
    std::string log_;
    std::streamoff log_before_;
    NotifySocket notify_;
    Child child_;
    std::string status_;
    std::string shown_; // the last that we printed on the way
};

int Starting::run(const Call& call, const std::string& spec)
{
    if (!notify_.valid())
        return fail(exit_system,
                    std::string{"cannot listen for the daemon's notice: "} + std::strerror(errno));
    ChildPlan plan{.args = {"--config", spec, "--control", control_},
                   .env = {"NOTIFY_SOCKET=" + notify_.address()},
                   .log = log_,
                   .apart = Apart::session};
    if (call.has("insecure-spec"))
        plan.args.emplace_back("--insecure-spec");
    child_ = spawn_ostlerd(plan);
    if (!child_.problem.empty())
        return fail(exit_system, child_.problem);
    switch (wait(call.deadline(usual_timeout))) {
    case Heard::ready:
        std::cout << "ostlerd is ready: " << status_ << "  pid " << child_.pid << "  log " << log_
                  << std::endl;
        return exit_done;
    case Heard::ended:
        return ended();
    case Heard::hopeless:
        return not_ready(exit_failed);
    case Heard::nothing:
        break;
    }
    return not_ready(exit_timeout);
}

Starting::Heard Starting::wait(control::Client::Deadline deadline)
{
    const os::UniqueFd pidfd{os::adopt, static_cast<int>(::syscall(SYS_pidfd_open, child_.pid, 0))};
    for (;;) {
        pollfd events[] = {{notify_.fd(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
        const int count = ::poll(events, 2, control::remaining(deadline));
        if (count < 0 && errno == EINTR)
            continue;
        if (events[0].revents != 0)
            if (const Heard heard = hear(); heard != Heard::nothing)
                return heard;
        if (events[1].revents != 0)
            return Heard::ended;
        if (count == 0)
            return Heard::nothing;
    }
}

Starting::Heard Starting::hear()
{
    const auto message = notify_.receive(child_.pid);
    if (!message)
        return Heard::nothing;
    follow(status_in(*message));
    const auto says = [text = "\n" + *message + "\n"](const char* line) {
        return text.find(line) != std::string::npos;
    };
    return says("\nREADY=1\n")               ? Heard::ready
           : says("\nX_OSTLER_HOPELESS=1\n") ? Heard::hopeless
                                             : Heard::nothing;
}

// What hinders it is shown while it tries again; and once, however often it tries.
void Starting::follow(const std::string& status)
{
    if (status.empty())
        return;
    status_ = status;
    if (status.find("; pool ") == std::string::npos || status == shown_)
        return;
    shown_ = status;
    std::cerr << status << std::endl;
}

int Starting::ended()
{
    int how = 0;
    ::waitpid(child_.pid, &how, 0);
    std::cerr << log_since(log_, log_before_);
    const int code = WIFEXITED(how) && WEXITSTATUS(how) != 0 ? WEXITSTATUS(how) : exit_failed;
    return fail(code, "ostlerd did not come up; the lines above are from its log, " + log_);
}

int Starting::not_ready(int code) const
{
    std::cerr << log_since(log_, log_before_);
    return fail(code, "ostlerd (pid " + std::to_string(child_.pid) + ") runs but is not ready.  " +
                          (status_.empty() ? "It has said nothing" : status_) +
                          ".  See `ostler status`, or end it with `ostler stop`");
}

// For the log; the daemon itself says what is wrong with it.
void make_folder_of(const std::string& control)
{
    if (const auto slash = control.rfind('/'); slash != std::string::npos && slash != 0)
        ::mkdir(control.substr(0, slash).c_str(), 0755);
}

// Whoever is there already.
int already_running(const Call& call)
{
    const control::Answer answer = ask(call, "status", {}, {}, patience);
    if (answer.exit != exit_done)
        return answer.exit == exit_no_daemon ? exit_done : fail(answer.exit, answer.message);
    const auto& daemon = answer.data.at("daemon").as_object();
    return fail(exit_failed,
                "already running, pid " + std::to_string(daemon.at("keeper_pid").to_number<int>()));
}

int start_daemon(Call call)
{
    const auto spec = call.has("config") ? call.text("config") : config::find_spec();
    if (!spec)
        return fail(exit_config, "no spec: give one with --config FILE, or put it at " +
                                     config::default_spec_path());
    config::LoadOptions how;
    how.insecure = call.has("insecure-spec");
    const config::Loaded loaded = config::load(*spec, how);
    if (!loaded.spec) {
        for (const config::Diagnostic& problem : loaded.problems)
            std::cerr << config::to_string(problem, *spec) << "\n";
        return exit_config;
    }
    if (!call.named_socket() && !loaded.spec->control.path.empty())
        call.given.insert(
            {"socket", boost::program_options::variable_value{loaded.spec->control.path, false}});
    if (const int exit = already_running(call); exit != exit_done)
        return exit;
    const std::string control = call.socket();
    make_folder_of(control);
    return Starting{control, control + ".log"}.run(call, loaded.spec->path);
}

} // namespace

int run_start(const Call& call)
{
    if (call.arguments.empty())
        return start_daemon(call);
    if (call.has("config"))
        return fail(exit_usage, "start takes a pool or --config, not both");
    return ask_and_print(call, "start", {{"pool", call.arguments.front()}});
}

} // namespace ostler::cli
