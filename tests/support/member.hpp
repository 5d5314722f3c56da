// SPDX-License-Identifier: MIT
// A worker that has joined a fake master, in the process of the test.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/shim/ostler.h"
#include "tests/support/fake_master.hpp"

namespace ostler::test
{

struct Member {
    FakeMaster master;
    ostler_worker* worker = nullptr;

    explicit Member(const std::string& sockets = "web");
    ~Member() { ostler_worker_close(worker); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    // Listens and gets a queue.
    Queue listen_to_queue(std::uint32_t listener = 1);
    // Listens and gets this socket.
    std::uint32_t listen_to(os::FdRef socket, bool datagram = false);
    // What listen() returns when the master answers so.
    int listen_answered(const wire::native::Listening& answer, os::FdRef fd = os::FdRef{-1});

    // The next event; its type is 0 and `rc` says why when there is none.
    ostler_event next(int timeout_ms = static_cast<int>(patience.count()));
    int rc = 0;
};

// Something that can be handed over, and the client's end of it.
struct Visit {
    os::UniqueFd client, server;
};
[[nodiscard]] Visit make_visit();
[[nodiscard]] bool closed(os::FdRef client); // by the other side, waiting for it
[[nodiscard]] bool polls_readable(int fd, int timeout_ms);

} // namespace ostler::test
