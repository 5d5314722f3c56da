// SPDX-License-Identifier: MIT
// Listening sockets: made, bound, and adjusted while they live. All are CLOEXEC and non-blocking
// from birth.
#pragma once

#include <chrono>

#include "ipc/os/endpoint.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"
#include "ipc/os/unix_file.hpp"

namespace ostler::os
{

struct BindOptions {
    bool v6only = false;     // always set, so that the machine's default does not matter
    bool share_port = false; // see below
    FileAccess access;       // of a Unix socket's file
};

struct BoundSocket {
    UniqueFd fd;
    UnixFile file; // of a Unix socket with a path
};

// Binds; a stream socket does not listen yet.
[[nodiscard]] Result<BoundSocket> bind_to(const Endpoint& where, const BindOptions& options);
// Sockets of one user that all do so may bind, and listen on, addresses that overlap on one port,
// such as 127.0.0.1 beside 0.0.0.0. For the moment of that: any other of the same user may join.
[[nodiscard]] Result<void> share_port(FdRef socket, bool on);
// The same address once more, while others still hold `dead`, a socket that was shut down.
[[nodiscard]] Result<BoundSocket> bind_again(const Endpoint& where, const BindOptions& options,
                                             FdRef dead);

struct StreamOptions {
    int backlog = 1024;
    bool keepalive = false; // these three are inherited by accepted connections
    bool nodelay = false;
    std::chrono::milliseconds defer_accept{0};
};

// Sets the options and (again) listens.
[[nodiscard]] Result<void> listen_on(FdRef socket, const StreamOptions& options);
[[nodiscard]] bool listening(FdRef socket);
// Connections in the kernel's queue; 0 where it cannot tell (Unix sockets).
[[nodiscard]] unsigned backlog_waiting(FdRef socket);
[[nodiscard]] Result<void> set_nonblocking(FdRef socket);
// Whether its last close waits until all is sent; and that it does not, though all is sent.
[[nodiscard]] bool lingers(FdRef socket);
void end_lingering(FdRef socket);
// Closes with a reset, so that the peer knows at once and nothing lingers.
void reset_connection(UniqueFd connection);

} // namespace ostler::os
