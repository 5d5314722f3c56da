// SPDX-License-Identifier: MIT
// The worker's end of the channel: whole packets in and out, nothing about their meaning.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ipc/os/fd.hpp"
#include "ipc/os/packet_batch.hpp"
#include "ipc/shim/clock.hpp"
#include "ipc/wire/bytes.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::shim
{

// A packet that came, still lying in the channel's buffer: valid until the next one is received.
struct Packet {
    wire::Header header;
    wire::Reader body{{}};
    os::UniqueFd fd;      // the first descriptor that came with it
    bool fd_lost = false; // it had one that we had no room for
};

class Channel
{
public:
    Channel() = default;
    explicit Channel(os::UniqueFd socket) : socket_{static_cast<os::UniqueFd&&>(socket)} {}

    [[nodiscard]] os::FdRef descriptor() const { return socket_.borrow(); }

    // 0, -ETIMEDOUT while the master does not read, -EPIPE when it has gone.
    template <typename Message>
    [[nodiscard]] int send(const Message& message, std::uint32_t request, Deadline deadline)
    {
        std::byte space[max_sent];
        return send_bytes(wire::encode(space, message, request), deadline);
    }

    // One packet, now: 0, -EAGAIN while there is no room, -ENOBUFS while there is a shortage that
    // nothing will tell the end of, or another negative errno. The descriptor is lent.
    [[nodiscard]] int send_now(os::TwoPieces packet, os::FdRef fd) const;
    // Waits until there may be room. 0 or -ETIMEDOUT.
    [[nodiscard]] int wait_for_room(Deadline deadline) const;

    // 1 with a packet, 0 when none is there now, -EPIPE at the end of the channel.
    [[nodiscard]] int receive(Packet& packet);
    // Packets that the kernel has given us already: nothing in the socket tells of them.
    [[nodiscard]] bool has_received() const { return !packets_.empty(); }
    // Waits until receive() has something to say. 0 or -ETIMEDOUT.
    [[nodiscard]] int wait_readable(Deadline deadline) const;

    void close() { socket_.reset(); }

private:
    static constexpr std::size_t max_sent = 256; // all that a worker says is short

    [[nodiscard]] int send_bytes(std::span<const std::byte> bytes, Deadline deadline) const;

    os::UniqueFd socket_;
    os::PacketBatch packets_;
    static_assert(os::PacketBatch::longest == wire::max_packet);
};

// Whether the descriptor is a SOCK_SEQPACKET pair's end, as a channel is.
[[nodiscard]] bool is_channel(os::FdRef fd);

} // namespace ostler::shim
