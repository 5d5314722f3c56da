// SPDX-License-Identifier: MIT
// One socket that the worker listens on, however its connections come.
#pragma once

#include <cstdint>
#include <sys/socket.h>

#include "ipc/os/fd.hpp"
#include "ipc/shim/requests.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::shim
{

struct Taken {
    os::UniqueFd fd;
    std::uint64_t id = 0; // 0: accepted here, number it yourself
    std::uint32_t peer_size = 0;
    sockaddr_storage peer{};
};

enum class Take {
    got,
    nothing, // now
    skipped, // something came that was no connection
    no_room, // no descriptor to be had, or another shortage: come again later
    ended,   // nothing will come any more
};

struct Listener {
    enum class Source : std::uint8_t {
        none,   // this place is free
        queue,  // the master hands over
        shared, // we accept
        lent,   // the program uses the socket itself
        ended,  // shut down by somebody; a replacement may come
    };
    Source source = Source::none;
    bool datagram = false;
    bool watched = false; // what epoll knows of it
    bool own = false;     // we have bound it: the master knows nothing of it
    std::uint32_t number = 0;
    os::UniqueFd fd;
    char* address = nullptr; // malloc
    Wish wish;               // what it was asked for with

    [[nodiscard]] bool takes() const { return source == Source::queue || source == Source::shared; }
    [[nodiscard]] Take take(Taken& taken) const;
    // A new socket under the old number, for whoever remembers it. 0 or a negative errno.
    [[nodiscard]] int replace(os::UniqueFd fresh);
    void shut(); // takes nothing more, though it has its number still
    void clear();
};

} // namespace ostler::shim
