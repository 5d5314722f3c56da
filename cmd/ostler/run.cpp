// SPDX-License-Identifier: MIT
// `ostler run`: a pool without a spec file, in the foreground. The spec is written to a folder of
// its own and goes with it.
#include <array>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/ostler/child.hpp"
#include "cmd/ostler/verbs.hpp"
#include "config/scalars.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{
namespace
{

namespace json = boost::json;

// A private folder for the spec and the control socket; removed at the end.
class Folder
{
public:
    Folder()
    {
        const char* runtime = std::getenv("XDG_RUNTIME_DIR");
        std::string name =
            std::string{runtime && *runtime ? runtime : "/tmp"} + "/ostler-run-XXXXXX";
        if (::mkdtemp(name.data()))
            path_ = name;
    }
    ~Folder()
    {
        for (const char* file : {"/ostler.yaml", "/control.sock", "/control.sock.lock"})
            ::unlink((path_ + file).c_str());
        ::rmdir(path_.c_str());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] bool valid() const { return !path_.empty(); }
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// A dollar sign is the spec's; what the shell left in an argument is meant as it is.
std::string literal(const std::string& text)
{
    std::string quoted;
    for (const char character : text)
        quoted += character == '$' ? "$$" : std::string(1, character);
    return quoted;
}

std::string working_directory()
{
    char* here = ::getcwd(nullptr, 0);
    std::string path = here ? here : "/";
    std::free(here);
    return path;
}

// JSON is YAML.
json::object spec_of(const Call& call, const json::value& workers)
{
    json::object sockets;
    json::array names;
    std::vector<std::string> addresses;
    if (call.has("listen"))
        addresses = call.given["listen"].as<std::vector<std::string>>();
    for (const std::string& address : addresses) {
        const std::string name = "socket" + std::to_string(names.size());
        sockets[name] = json::object{{"listen", literal(address)}};
        names.emplace_back(name);
    }
    json::array args;
    for (std::size_t i = 1; i < call.command.size(); ++i)
        args.emplace_back(literal(call.command[i]));
    std::string exec = call.command.front();
    if (exec.find('/') != std::string::npos && exec.front() != '/')
        exec = working_directory() + "/" + exec;
    json::object pool{
        {"exec", literal(exec)},
        {"args", std::move(args)},
        {"workers", workers},
        {"cwd", literal(working_directory())},
        {"protocol", call.text("protocol").value_or(names.empty() ? "none" : "ostler")}};
    if (!names.empty())
        pool["sockets"] = std::move(names);
    return {{"watch", false},
            {"sockets", std::move(sockets)},
            {"pools", json::object{{"run", std::move(pool)}}}};
}

std::atomic<pid_t> child_pid{-1}; // for the signal handler alone

// What the terminal sends (Ctrl-C) reaches ostlerd by itself; what is sent to us alone does not.
void pass_on(int number, siginfo_t* about, void*)
{
    if (about->si_code != SI_KERNEL && child_pid > 0)
        ::kill(child_pid, number);
}

void handle_signals()
{
    struct sigaction passing {
    };
    passing.sa_sigaction = pass_on;
    passing.sa_flags = SA_SIGINFO;
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP})
        ::sigaction(number, &passing, nullptr);
}

int wait_for(pid_t child)
{
    int how = 0;
    while (::waitpid(child, &how, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(how) ? WEXITSTATUS(how) : exit_failed;
}

} // namespace

int run_run(const Call& call)
{
    if (call.command.empty())
        return fail(exit_usage, "run what? usage: ostler run [-n N] [-l ADDR]... -- CMD ARG...");
    const std::string count = call.text("number").value_or("1");
    const auto workers = config::parse_whole(count);
    if (count != "auto" && (!workers || *workers < 1))
        return fail(exit_usage, "-n wants a number of workers or auto, not \"" + count + "\"");
    const Folder folder;
    if (!folder.valid())
        return fail(exit_system,
                    "cannot make a folder for the spec: " + std::string{std::strerror(errno)});
    const std::string spec = folder.file("ostler.yaml");
    // Whatever the umask is: a spec that others may write would be refused.
    const mode_t mask = ::umask(077);
    std::ofstream{spec} << json::serialize(
                               spec_of(call, workers ? json::value(*workers) : json::value("auto")))
                        << "\n";
    ::umask(mask);
    const std::string control = call.named_socket().value_or(folder.file("control.sock"));
    handle_signals();
    const Child child = spawn_ostlerd({.args = {"--config", spec, "--control", control}});
    if (!child.problem.empty())
        return fail(exit_system, child.problem);
    child_pid = child.pid;
    return wait_for(child.pid);
}

} // namespace ostler::cli
