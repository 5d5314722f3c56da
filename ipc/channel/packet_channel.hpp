// SPDX-License-Identifier: MIT
// One end of a SOCK_SEQPACKET pair on the loop: packets in by callback, packets out at once or as
// soon as there is room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipc/channel/message.hpp"
#include "ipc/channel/outbox.hpp"
#include "ipc/os/alive.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/os/packet_batch.hpp"

namespace ostler::ipc
{

class PacketChannel
{
public:
    enum class Harm {
        none,
        fds_lost, // the kernel dropped descriptors, as we had no room for them
        cut,      // the packet was too long
    };
    // Called from the loop. May call shut_down(), but not destroy the channel.
    class Listener
    {
    public:
        virtual ~Listener() = default;
        // `fds` came with it and belong to the listener.
        virtual void received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                              Harm harm) = 0;
        virtual void ended() = 0; // the peer is gone, or shut_down() was called; the last call
        // It has read nothing for as long as it may.
        virtual void stalled() {}
        // Descriptors that have waited to be sent and are not needed any more.
        virtual void spent(std::vector<os::UniqueFd>) {}
    };
    struct Limits {
        std::size_t waiting = 0; // bytes of messages; one that finds nothing waiting always may
        std::chrono::steady_clock::duration patience{}; // with one who does not read; 0: for ever
    };

    static constexpr std::size_t max_waiting = 1024; // packets of our own that wait for room
    static constexpr std::size_t max_handles = 64;   // of messages that wait for room

    PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket, Listener& listener)
        : PacketChannel{std::move(executor), std::move(socket), listener, Limits{}}
    {
    }
    PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket, Listener& listener,
                  Limits limits);

    void start(); // begins to read

    // Sends now or later, in order; the descriptors are lent (duplicated if they must wait).
    // False when the peer has not read for so long that max_waiting is exceeded, or is gone.
    bool send(std::span<const std::byte> packet, std::span<const int> lent = {});
    // The same for a user message: `head` is its header and fields, the handle is lent.
    [[nodiscard]] Delivery send(std::span<const std::byte> head,
                                std::shared_ptr<const std::string> body, os::FdRef handle);

    // Sends what waits for room, blocking for at most `time`: for the last word before the loop
    // ends.
    void flush(std::chrono::milliseconds time);

    // Ends it for both sides: our own descriptor stays open until the destructor, or release().
    void shut_down();
    // For closing where it may block: packets the peer sent may hold descriptors of lingering
    // sockets, and so may what waits.
    [[nodiscard]] os::UniqueFd release();
    [[nodiscard]] std::vector<os::UniqueFd> unsent() { return outbox_.clear(); }

private:
    void wait_to_read();
    struct Incoming {
        std::span<std::byte> bytes;
        std::vector<os::UniqueFd> fds;
        Harm harm = Harm::none;
    };
    void read_some();
    [[nodiscard]] int read_batch();
    [[nodiscard]] int take_packet(Incoming& packet);
    void wait_to_write();
    void write_later();
    void write_some();
    [[nodiscard]] std::vector<os::UniqueFd> write_until_full();
    bool keep_for_later(std::span<const std::byte> packet, std::span<const int> lent);
    void be_patient();
    void patience_until(std::chrono::steady_clock::time_point since);
    void end();

    boost::asio::posix::stream_descriptor socket_;
    Listener& listener_;
    os::PacketBatch& batch_;
    Limits limits_;
    Outbox outbox_;
    std::chrono::steady_clock::time_point last_sent_{};
    boost::asio::steady_timer patience_;
    boost::asio::steady_timer shortage_;
    bool waiting_to_write_ = false;
    bool patient_ = false;
    bool open_ = true;
    os::Alive alive_;
};

} // namespace ostler::ipc
