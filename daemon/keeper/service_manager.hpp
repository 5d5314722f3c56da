// SPDX-License-Identifier: MIT
// Our own service manager, if there is one (sd_notify's protocol): it takes messages from its main
// process alone, which is the keeper; so the keeper relays what the master says. libc only.
#pragma once

#include <cstddef>
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

    // Drops the message where nobody listens; never waits. What a manager who is slow has no room
    // for is kept, in order, until retry(): a few messages, as nothing else may be lost but status.
    void relay(std::string_view state);
    void retry();
    [[nodiscard]] bool waiting() const { return waiting_count_ != 0; }

private:
    struct Waiting {
        char text[1024];
        std::size_t size;
    };
    static constexpr std::size_t max_waiting = 16;

    enum class Sent { yes, no_room, never };
    [[nodiscard]] Sent send(std::string_view state);
    void complain(int error);
    void keep(std::string_view state);

    os::UniqueFd socket_;
    sockaddr_un address_{};
    socklen_t address_size_ = 0;
    Waiting waiting_[max_waiting];
    std::size_t waiting_count_ = 0;
    bool heard_ = false;      // us, once
    bool complained_ = false; // of it
};

} // namespace ostler::keeper
