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
    // are taken. Asks for the limit again before it says so: it may have been raised meanwhile.
    [[nodiscard]] bool short_after(os::FdRef newest);
    // Asks the kernel for the lowest free number, by means of a descriptor that is open.
    [[nodiscard]] bool short_now(os::FdRef any);

private:
    static constexpr int spare = 8; // left to the program
    int limit_ = 0;                 // as last seen
};

} // namespace ostler::shim
