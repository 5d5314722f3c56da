// SPDX-License-Identifier: MIT
// How close the process is to its limit of open files. At the limit the kernel would drop the
// descriptors of what we read, and a client with each of them, so reading stops before.
#pragma once

#include "ipc/os/fd.hpp"

namespace ostler::shim
{

class Room
{
public:
    // The kernel gives the lowest free number, so a number near the limit means that nearly all
    // are taken. Small numbers are trusted; for others the limit is asked for each time, as the
    // program may change it.
    [[nodiscard]] bool short_after(os::FdRef newest);
    // Asks the kernel for the lowest free number, by means of a descriptor that is open.
    [[nodiscard]] bool short_now(os::FdRef any);

private:
    static constexpr int spare = 8;  // left to the program
    static constexpr int small = 48; // nobody lives with fewer, once started
    int trusted_ = 0;                // numbers below need no look at the limit
};

} // namespace ostler::shim
