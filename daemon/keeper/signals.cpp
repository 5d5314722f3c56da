// SPDX-License-Identifier: MIT
#include "daemon/keeper/signals.hpp"

#include <csignal>
#include <sys/signalfd.h>

namespace ostler::keeper
{

os::UniqueFd take_over_signals()
{
    constexpr int heard[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};
    // A parent that ignored it would make the kernel reap our children for us.
    std::signal(SIGCHLD, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : heard)
        ::sigaddset(&set, number);
    os::UniqueFd signals{os::adopt, ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    ::sigaddset(&set, SIGPIPE); // stderr may be a pipe that nobody reads any more
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return signals;
}

int meant_for_master(int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
        return number;
    case SIGQUIT:
        return SIGTERM;
    default:
        return 0;
    }
}

sigset_t held_by_master()
{
    sigset_t set;
    ::sigemptyset(&set);
    for (int number = 1; number < NSIG; ++number)
        if (const int meant = meant_for_master(number))
            ::sigaddset(&set, meant);
    return set;
}

int take_signal(os::FdRef signals)
{
    signalfd_siginfo came;
    return ::read(signals.get(), &came, sizeof came) == sizeof came
               ? static_cast<int>(came.ssi_signo)
               : 0;
}

} // namespace ostler::keeper
