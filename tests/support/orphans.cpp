// SPDX-License-Identifier: MIT
#include "tests/support/orphans.hpp"

#include <algorithm>
#include <csignal>
#include <mutex>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/proc.hpp"

namespace ostler::test
{

namespace
{

struct Expected {
    std::mutex guard; // tests have threads
    std::set<pid_t> pids;
};

Expected& expected()
{
    static Expected children;
    return children;
}

std::vector<pid_t> unexpected_children()
{
    const std::lock_guard hold{expected().guard};
    std::vector<pid_t> result = children_of(::getpid());
    std::erase_if(result, [](pid_t pid) { return expected().pids.contains(pid); });
    return result;
}

bool reap_if_dead(pid_t pid)
{
    return ::waitpid(pid, nullptr, WNOHANG) != 0;
}

bool only_dead_orphans()
{
    const auto orphans = unexpected_children();
    return std::all_of(orphans.begin(), orphans.end(), reap_if_dead);
}

} // namespace

void become_subreaper()
{
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void expect_child(pid_t pid)
{
    const std::lock_guard hold{expected().guard};
    expected().pids.insert(pid);
}

void forget_child(pid_t pid)
{
    const std::lock_guard hold{expected().guard};
    expected().pids.erase(pid);
}

std::vector<std::string> sweep_orphans()
{
    std::vector<std::string> living;
    // Again and again: the children of those we end come to us as well.
    for (auto orphans = unexpected_children(); !orphans.empty(); orphans = unexpected_children()) {
        for (const pid_t pid : orphans) {
            if (reap_if_dead(pid))
                continue;
            living.push_back(std::to_string(pid) + " " + command_line(pid));
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }
    return living;
}

void expect_no_orphans(const std::string& who)
{
    (void)eventually(3s, only_dead_orphans);
    for (const std::string& process : sweep_orphans())
        note_finding(who + " left a process behind: " + process);
}

} // namespace ostler::test
