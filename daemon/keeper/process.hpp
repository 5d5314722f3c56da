// SPDX-License-Identifier: MIT
// The keeper's two ways to start a process, and how it ends one. libc only; the child runs in our
// memory until it executes (vfork), on a stack of its own.
#pragma once

#include <span>
#include <sys/types.h>

#include "ipc/os/fd.hpp"

namespace ostler::keeper
{

struct Started {
    pid_t pid = 0; // or a negative errno
    os::UniqueFd pidfd;
};

// Executes the opened launcher with `fds` as 3, 4, … in a group of its own, with an empty
// environment.
[[nodiscard]] Started start_launcher(os::FdRef launcher, std::span<const int> fds);

// Executes `path` with `argv` and our environment, its end of the channel at 3 and what is
// inherited behind it, in a group of its own. argv[0] becomes the path.
[[nodiscard]] Started start_master(const char* path, char* argv[], os::FdRef channel,
                                   std::span<const int> inherited);

} // namespace ostler::keeper
