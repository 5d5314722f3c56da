// SPDX-License-Identifier: MIT
#include "daemon/keeper/sweep.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "daemon/keeper/clock.hpp"
#include "daemon/keeper/say.hpp"
#include "daemon/keeper/signals.hpp"

namespace ostler::keeper
{
namespace
{

// One round of 50 ms at most: an orphan that is adopted alive announces itself by no signal.
constexpr int round_ms = 50;
constexpr Milliseconds patience{5000};

// Calls `visit` with each living or dead child's pid, as the kernel lists them, a piece at a time.
// The numbers cannot be anybody else's: nobody but us reaps them.
void each_child(auto&& visit)
{
    const os::UniqueFd list{os::adopt, ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC)};
    char piece[1024];
    pid_t pid = 0;
    ssize_t size;
    while ((size = ::read(list.get(), piece, sizeof piece)) > 0)
        for (ssize_t i = 0; i < size; ++i) {
            if (piece[i] != ' ') {
                pid = pid * 10 + (piece[i] - '0');
                continue;
            }
            visit(pid);
            pid = 0;
        }
}

void kill_children(Table& table)
{
    for (const Worker& worker : table)
        if (worker.state == State::running)
            ::kill(-worker.pid, SIGKILL);
    each_child([](pid_t pid) { ::kill(pid, SIGKILL); });
}

bool any_child()
{
    siginfo_t ignored;
    return ::waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

} // namespace

bool reap_one(Table& table, pid_t master, siginfo_t& end)
{
    end = {};
    if (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0)
        return false;
    if (table.ended(end) || end.si_pid == master)
        ::kill(-end.si_pid, SIGKILL);
    ::waitid(P_PID, static_cast<id_t>(end.si_pid), &end, WEXITED);
    return true;
}

bool sweep(Table& table, os::FdRef signals)
{
    const auto deadline = now() + patience;
    while (any_child() && now() < deadline) {
        kill_children(table);
        pollfd child_ended{signals.get(), POLLIN, 0};
        ::poll(&child_ended, 1, round_ms);
        while (take_signal(signals) != 0) {
        }
        siginfo_t end;
        while (reap_one(table, 0, end)) {
        }
    }
    each_child([](pid_t pid) { say("process %d could not be ended and is left behind", pid); });
    return !any_child();
}

} // namespace ostler::keeper
