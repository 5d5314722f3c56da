// SPDX-License-Identifier: MIT
// Our own service manager, if there is one (sd_notify's protocol): it takes messages from its main
// process alone, which is the keeper; so the keeper relays what the master says. libc only.
#pragma once

#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

#include "ipc/os/fd.hpp"

namespace ostler::keeper
{

class ServiceManager
{
public:
    // Reads NOTIFY_SOCKET and WATCHDOG_* and takes them out of the environment. The master finds
    // OSTLER_NOTIFY=1 and OSTLER_WATCHDOG_USEC in their place. At start only.
    static ServiceManager from_environment();

    // Drops the message where nobody listens. Waits a second at most for one who is slow.
    void relay(std::string_view state) const;

private:
    os::UniqueFd socket_;
    sockaddr_un address_{};
    socklen_t address_size_ = 0;
};

} // namespace ostler::keeper
