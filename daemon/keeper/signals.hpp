// SPDX-License-Identifier: MIT
// The keeper takes its signals from a descriptor; no handler of its own ever runs. libc only.
#pragma once

#include "ipc/os/fd.hpp"

namespace ostler::keeper
{

// Blocks what the keeper hears (SIGCHLD and what it forwards) and SIGPIPE, and opens the signalfd.
[[nodiscard]] os::UniqueFd take_over_signals();

// The next signal that came, or 0. Never waits.
[[nodiscard]] int take_signal(os::FdRef signals);

} // namespace ostler::keeper
