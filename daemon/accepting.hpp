// SPDX-License-Identifier: MIT
// One accept, and what its failure means.
#pragma once

#include "daemon/queue.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

enum class Trouble {
    none_there,    // nothing waits
    only_this_one, // it ended before it was accepted, or a firewall forbids it: the next may be
                   // well
    shut,          // the socket was shut down
    scarce,        // descriptors or kernel memory ran short; and all that is unknown
};

// Without a descriptor on failure; errno says why.
[[nodiscard]] TakenBack accept_from(os::FdRef socket);
[[nodiscard]] Trouble trouble_of(int accept_error);
// Does handing over fail for want of something that every queue lacks?
[[nodiscard]] bool scarce(int offer_error);

} // namespace ostler
