// SPDX-License-Identifier: MIT
// One end of a SOCK_SEQPACKET pair on the loop: packets in by callback, packets out at once or as
// soon as there is room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "ipc/os/alive.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::ipc
{

class PacketChannel
{
public:
    // Called from the loop. May call shut_down(), but not destroy the channel.
    class Listener
    {
    public:
        virtual ~Listener() = default;
        // `fds` came with it and belong to the listener. `cut`: the packet was too long, or
        // descriptors got lost.
        virtual void received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                              bool cut) = 0;
        virtual void ended() = 0; // the peer is gone, or shut_down() was called; the last call
    };

    static constexpr std::size_t max_waiting = 1024; // packets that wait for room

    PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket, Listener& listener);

    void start(); // begins to read

    // Sends now or later, in order; the descriptors are lent (duplicated if they must wait).
    // False when the peer has not read for so long that max_waiting is exceeded, or is gone.
    bool send(std::span<const std::byte> packet, std::span<const int> lent = {});

    // Sends what waits for room, blocking for at most `time`: for the last word before the loop
    // ends.
    void flush(std::chrono::milliseconds time);

    // Ends it for both sides: our own descriptor stays open until the destructor, or release().
    void shut_down();
    // For closing where it may block: packets the peer sent may hold descriptors of lingering
    // sockets.
    [[nodiscard]] os::UniqueFd release();

private:
    struct Waiting {
        std::vector<std::byte> packet;
        std::vector<os::UniqueFd> fds;
    };
    void wait_to_read();
    void read_some();
    void wait_to_write();
    void write_some();
    [[nodiscard]] bool write_next();
    bool keep_for_later(std::span<const std::byte> packet, std::span<const int> lent);
    void end();

    boost::asio::posix::stream_descriptor socket_;
    Listener& listener_;
    std::deque<Waiting> waiting_;
    bool open_ = true;
    os::Alive alive_;
};

} // namespace ostler::ipc
