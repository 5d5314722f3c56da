// SPDX-License-Identifier: MIT
// Reaping, and the end of all children: workers, and what they left behind to us as the subreaper.
// libc only.
#pragma once

#include <csignal>

#include "daemon/keeper/table.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::keeper
{

// Reaps one dead child into `end`; false when there is none. What is left of the group of a worker
// or the master is killed before, while the zombie still pins the number.
[[nodiscard]] bool reap_one(Table& table, pid_t master, siginfo_t& end);

// Kills and reaps until no child is left, or for five seconds; says which are left then. `signals`
// is the signalfd that wakes us when a child ends. Whether nothing is left.
[[nodiscard]] bool sweep(Table& table, os::FdRef signals);

} // namespace ostler::keeper
