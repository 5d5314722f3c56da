// SPDX-License-Identifier: MIT
// `ostler run`: a pool without a spec file, in the foreground. The spec is written to a folder of
// its own and goes with it. The daemon is ours alone: it hears of signals from us, in a process
// group of its own, and ends when we do, however that is.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
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

bool ignored(int number)
{
    struct sigaction now {
    };
    ::sigaction(number, nullptr, &now);
    return now.sa_handler == SIG_IGN;
}

// Those that end us, and the end of the child. All are held from before it starts, so that none is
// lost, and taken one at a time.
class Signals
{
public:
    Signals()
    {
        std::signal(SIGCHLD, SIG_DFL); // ignored, the kernel would reap for us
        sigemptyset(&set_);
        for (const int number : {SIGCHLD, SIGINT, SIGQUIT, SIGTERM})
            sigaddset(&set_, number);
        if (!ignored(SIGHUP)) // nohup
            sigaddset(&set_, SIGHUP);
        ::sigprocmask(SIG_BLOCK, &set_, nullptr);
    }
    [[nodiscard]] int next() const
    {
        int number = 0;
        ::sigwait(&set_, &number);
        return number;
    }

private:
    sigset_t set_{};
};

// Passes on what comes until it has ended. A terminal that goes away is the end of what ran in it,
// where SIGHUP would be a reload to the daemon.
int see_through(pid_t child, const Signals& signals)
{
    int how = 0;
    while (::waitpid(child, &how, WNOHANG) == 0)
        if (const int number = signals.next(); number != SIGCHLD)
            ::kill(child, number == SIGHUP ? SIGTERM : number);
    return WIFEXITED(how) ? WEXITSTATUS(how) : exit_failed;
}

// An error number, or 0. Whatever the umask is: a spec that others may write would be refused.
int write_whole(const std::string& path, const std::string& text)
{
    const os::UniqueFd file{os::adopt,
                            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    for (std::size_t done = 0; file.valid() && done < text.size();) {
        const ssize_t count = ::write(file.get(), text.data() + done, text.size() - done);
        if (count < 0)
            return errno;
        done += static_cast<std::size_t>(count);
    }
    return file.valid() ? 0 : errno;
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
    const json::object text = spec_of(call, workers ? json::value(*workers) : json::value("auto"));
    if (const int error = write_whole(spec, json::serialize(text) + "\n"))
        return fail(exit_system, "cannot write the spec, " + spec + ": " + std::strerror(error));
    const std::string control = call.named_socket().value_or(folder.file("control.sock"));
    const Signals signals;
    const Child child = spawn_ostlerd({.args = {"--config", spec, "--control", control},
                                       .env = {"OSTLER_PARENT=" + std::to_string(::getpid())}});
    if (!child.problem.empty())
        return fail(exit_system, child.problem);
    return see_through(child.pid, signals);
}

} // namespace ostler::cli
