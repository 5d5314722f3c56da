// SPDX-License-Identifier: MIT
// One packet of a SOCK_SEQPACKET pair with the descriptors that travel in it. libc only: keeper,
// shim and master share it.
#pragma once

#include <cstddef>
#include <span>
#include <sys/socket.h>

#include "ipc/os/fd.hpp"

namespace ostler::os
{

inline constexpr std::size_t max_packet_fds =
    253; // SCM_MAX_FD: the kernel refuses more with EINVAL

// Sends one packet; the descriptors are lent. Never raises SIGPIPE, retries EINTR.
// 0, or a negative errno: -EAGAIN when the peer's buffer is full (with `dont_wait`), -EPIPE when it
// is gone, -ETOOMANYREFS when too many descriptors are in flight.
enum class Wait { dont_wait, wait };
[[nodiscard]] int send_packet(FdRef socket, std::span<const std::byte> bytes,
                              std::span<const int> lent, Wait wait = Wait::dont_wait);
// The same for one that lies in two places.
struct TwoPieces {
    std::span<const std::byte> head, body;
};
[[nodiscard]] int send_packet(FdRef socket, TwoPieces packet, std::span<const int> lent,
                              Wait wait = Wait::dont_wait);

struct Received {
    std::size_t bytes = 0;
    std::size_t fds = 0;
    bool cut = false;      // the packet or its descriptors did not fit (at our descriptor limit the
                           // kernel drops them)
    bool too_long = false; // … it was the packet that did not fit
};

// Receives one packet into `buffer`, its descriptors (CLOEXEC, now the caller's) into `fds`.
// 1 with a packet, 0 at the end of the channel (an empty packet means the same), or a negative
// errno.
[[nodiscard]] int receive_packet(FdRef socket, std::span<std::byte> buffer, std::span<UniqueFd> fds,
                                 Received& got, Wait wait = Wait::dont_wait);

// What the kernel wrote about a packet of `bytes` bytes: takes its descriptors out. As above: 1, or
// 0 for an empty one.
[[nodiscard]] int read_head(const msghdr& head, std::size_t bytes, std::span<UniqueFd> fds,
                            Received& got);

// A connected pair, CLOEXEC both. 0 or a negative errno.
enum class Blocking { no, yes };
[[nodiscard]] int packet_pair(UniqueFd& one, UniqueFd& other, Blocking blocking = Blocking::no);

} // namespace ostler::os
