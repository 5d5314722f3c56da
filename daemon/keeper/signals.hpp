// SPDX-License-Identifier: MIT
// The keeper takes its signals from a descriptor; no handler of its own ever runs. libc only.
#pragma once

#include <csignal>

#include "ipc/os/fd.hpp"

namespace ostler::keeper
{

// Blocks what the keeper hears (SIGCHLD, what it forwards, and what habits of other servers send)
// and SIGPIPE, and opens the signalfd.
[[nodiscard]] os::UniqueFd take_over_signals();

// What to send the master for it, or 0: what the master does not handle would end it, and every
// worker with it. SIGQUIT is the graceful stop of other servers, which here is SIGTERM.
[[nodiscard]] int meant_for_master(int number);
// All of those, as a set: the master is born with them held.
[[nodiscard]] sigset_t held_by_master();

// The next signal that came, or 0. Never waits.
[[nodiscard]] int take_signal(os::FdRef signals);

} // namespace ostler::keeper
