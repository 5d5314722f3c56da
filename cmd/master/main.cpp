// SPDX-License-Identifier: MIT
// The master: reads options and spec, takes the control path, runs the Daemon. Started by the
// keeper (ostlerd).
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/master/options.hpp"
#include "config/load.hpp"
#include "daemon/control_access.hpp"
#include "daemon/daemon.hpp"
#include "daemon/inherited_sockets.hpp"
#include "daemon/log_setup.hpp"
#include "daemon/signals.hpp"
#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/wire/keeper.hpp"
#include "systemd/notify.hpp"

namespace
{

using namespace ostler;

// A connection is a descriptor: as many as we may have. Workers get their limits from the keeper,
// not from us.
void raise_descriptor_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int report(const config::Loaded& loaded, const std::string& file)
{
    for (const config::Diagnostic& problem : loaded.problems)
        std::cerr << config::to_string(problem, file) << "\n";
    return exit_config;
}

std::optional<std::chrono::microseconds> watchdog_of_keeper()
{
    return systemd::watchdog_interval(std::getenv("OSTLER_WATCHDOG_USEC"), nullptr, ::getppid());
}

std::string control_path(const Options& options, const config::Spec& spec)
{
    if (options.control)
        return *options.control;
    return spec.control.path.empty() ? control::default_path() : spec.control.path;
}

// Asio goes on without a word when its timer cannot be registered with epoll, and nothing with a
// deadline would ever happen.
bool timers_work(boost::asio::io_context& loop)
{
    bool fired = false;
    boost::asio::steady_timer timer{loop, std::chrono::milliseconds{1}};
    timer.async_wait([&fired](boost::system::error_code error) { fired = !error; });
    loop.run_for(std::chrono::seconds{1});
    timer.cancel();
    loop.restart();
    loop.poll();
    loop.restart();
    return fired;
}

int run(const Options& options, config::Spec spec, os::UniqueFd keeper)
{
    InheritedSockets inherited = InheritedSockets::from_keeper(); // before a number is taken
    setup_log(spec.log);
    raise_descriptor_limit();
    ControlSocket::Failure failure;
    const auto reach = open_to_others(spec.control, ::geteuid()) ? ControlSocket::Reach::everyone
                                                                 : ControlSocket::Reach::own;
    auto control = ControlSocket::open(control_path(options, spec), reach, ::getppid(), failure);
    if (!control) {
        spdlog::critical("{}", failure.sentence);
        return failure.exit;
    }
    boost::asio::io_context loop{1};
    if (!timers_work(loop)) {
        spdlog::critical("the kernel gives this process no timer: out of memory or descriptors");
        return exit_system;
    }
    Daemon daemon{loop, DaemonSettings{.spec = std::move(spec),
                                       .load = {.insecure = options.insecure_spec},
                                       .keeper = std::move(keeper),
                                       .keeper_pid = ::getppid(),
                                       .control = std::move(*control),
                                       .inherited = std::move(inherited),
                                       .managed = std::getenv("OSTLER_NOTIFY") != nullptr,
                                       .watchdog = watchdog_of_keeper()}};
    if (const std::string problem = daemon.start(); !problem.empty()) {
        spdlog::critical("{}", problem);
        return exit_system;
    }
    loop.run();
    return daemon.exit_code();
}

int start(int argc, char** argv)
{
    int exit = exit_done;
    const auto options = parse_options(argc, argv, exit);
    if (!options)
        return exit;
    if (options->check)
        let_signals_end_us();
    const config::LoadOptions how{.insecure = options->insecure_spec};
    config::Loaded loaded = config::load(options->config, how);
    if (!loaded.spec)
        return report(loaded, options->config);
    if (options->check) {
        std::cout << options->config << ": ok\n";
        return exit_done;
    }
    os::UniqueFd keeper{os::adopt, wire::keeper::channel_fd};
    if (::fcntl(keeper.get(), F_SETFD, FD_CLOEXEC) != 0) {
        std::cerr << "master: this program is started by ostlerd, not by hand\n";
        (void)keeper.release();
        return exit_usage;
    }
    return run(*options, std::move(*loaded.spec), std::move(keeper));
}

} // namespace

int main(int argc, char** argv)
try {
    std::signal(SIGPIPE, SIG_IGN);
    return start(argc, argv);
} catch (const std::exception& problem) {
    std::cerr << "ostlerd: " << problem.what() << "\n";
    return exit_system;
}
