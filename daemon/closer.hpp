// SPDX-License-Identifier: MIT
// Closes descriptors that others have had, away from the loop: close() of a lingering socket waits
// until what it has to send is sent.
#pragma once

#include <vector>

#include "daemon/crew.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

class Closer
{
public:
    void close(os::UniqueFd fd);
    void close(std::vector<os::UniqueFd> fds);

private:
    Crew lingering_{32};
    Crew others_{2}; // once so many linger that somebody is at it on purpose
};

} // namespace ostler
