// SPDX-License-Identifier: MIT
#include "ipc/channel/packet_channel.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "ipc/os/packet.hpp"
#include "ipc/wire/bytes.hpp"

namespace ostler::ipc
{
namespace
{

constexpr int packets_per_turn = 64; // so that one who floods us does not hold the loop

constexpr auto shortage_pause = std::chrono::milliseconds{20};

// Nothing tells when these have passed.
bool is_shortage(int result)
{
    return result == -ETOOMANYREFS || result == -ENOBUFS || result == -ENOMEM;
}

PacketChannel::Harm harm_of(const os::Received& got)
{
    using Harm = PacketChannel::Harm;
    return got.too_long ? Harm::cut : got.cut ? Harm::fds_lost : Harm::none;
}

os::UniqueFd copy_of(int fd)
{
    return os::UniqueFd{os::adopt, ::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
}

} // namespace

PacketChannel::PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket,
                             Listener& listener, Limits limits)
    : socket_{executor, socket.get()},
      listener_{listener},
      limits_{limits},
      patience_{executor},
      shortage_{executor}
{
    (void)socket.release(); // not before: registering it may throw
}

void PacketChannel::start()
{
    wait_to_read();
}

void PacketChannel::wait_to_read()
{
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       alive_.guard([this](boost::system::error_code error) {
                           if (!error)
                               read_some();
                       }));
}

void PacketChannel::read_some()
{
    std::array<std::byte, wire::max_packet> buffer; // NOLINT: filled by the kernel
    std::array<os::UniqueFd, os::max_packet_fds> fds;
    for (int turn = 0; open_ && turn < packets_per_turn; ++turn) {
        os::Received got;
        const int result = os::receive_packet(os::FdRef{socket_.native_handle()}, buffer, fds, got);
        if (result == -EAGAIN)
            return wait_to_read();
        if (result == -ECONNRESET)
            continue; // it closed without reading all of ours; what it sent before is still there
        if (result <= 0)
            return end();
        std::vector<os::UniqueFd> given;
        for (std::size_t i = 0; i < got.fds; ++i)
            given.push_back(std::move(fds[i]));
        listener_.received({buffer.data(), got.bytes}, std::move(given), harm_of(got));
    }
    if (open_)
        wait_to_read();
}

bool PacketChannel::send(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (!open_)
        return false;
    if (!outbox_.empty())
        return keep_for_later(packet, lent);
    const int result = os::send_packet(os::FdRef{socket_.native_handle()}, packet, lent);
    if (result == -EAGAIN || is_shortage(result)) {
        const bool kept = keep_for_later(packet, lent);
        result == -EAGAIN ? wait_to_write() : write_later();
        return kept;
    }
    return result == 0;
}

bool PacketChannel::keep_for_later(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (outbox_.packets() >= max_waiting)
        return false;
    Outbox::Parcel later{{packet.begin(), packet.end()}, nullptr, {}};
    for (const int fd : lent) {
        later.fds.push_back(copy_of(fd));
        if (!later.fds.back().valid())
            return false;
    }
    outbox_.add(std::move(later));
    be_patient();
    return true;
}

Delivery PacketChannel::send(std::span<const std::byte> head,
                             std::shared_ptr<const std::string> body, os::FdRef handle)
{
    if (!open_)
        return Delivery::gone;
    const bool first = outbox_.empty();
    if (outbox_.bytes() != 0 && outbox_.bytes() + Outbox::overhead + body->size() > limits_.waiting)
        return Delivery::full;
    Outbox::Parcel parcel{{head.begin(), head.end()}, std::move(body), {}};
    if (handle.valid()) {
        parcel.fds.push_back(copy_of(handle.get()));
        if (outbox_.handles() >= max_handles || !parcel.fds.back().valid())
            return Delivery::full;
    }
    outbox_.add(std::move(parcel));
    if (first) // its copy is not the last of a handle: closing it here does not block
        static_cast<void>(write_until_full());
    return Delivery::sent;
}

void PacketChannel::wait_to_write()
{
    if (std::exchange(waiting_to_write_, true))
        return;
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                       alive_.guard([this](boost::system::error_code error) {
                           waiting_to_write_ = false;
                           if (!error)
                               write_some();
                       }));
}

void PacketChannel::write_later()
{
    if (std::exchange(waiting_to_write_, true))
        return;
    shortage_.expires_after(shortage_pause);
    shortage_.async_wait(alive_.guard([this](boost::system::error_code error) {
        waiting_to_write_ = false;
        if (!error)
            write_some();
    }));
}

void PacketChannel::write_some()
{
    if (std::vector<os::UniqueFd> fds = write_until_full(); !fds.empty())
        listener_.spent(std::move(fds));
}

// Gives the descriptors of what has gone.
std::vector<os::UniqueFd> PacketChannel::write_until_full()
{
    std::vector<os::UniqueFd> spent;
    for (int turn = 0; open_ && !outbox_.empty(); ++turn) {
        const int result = turn == packets_per_turn
                               ? -EAGAIN
                               : os::send_packet(os::FdRef{socket_.native_handle()}, outbox_.next(),
                                                 outbox_.lent());
        if (result == -EAGAIN || is_shortage(result)) {
            result == -EAGAIN ? wait_to_write() : write_later();
            be_patient();
            break;
        }
        last_sent_ = std::chrono::steady_clock::now();
        std::vector<os::UniqueFd> gone = outbox_.sent(); // or the peer is gone, which reading tells
        std::move(gone.begin(), gone.end(), std::back_inserter(spent));
    }
    return spent;
}

void PacketChannel::flush(std::chrono::milliseconds time)
{
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (open_ && !outbox_.empty() && std::chrono::steady_clock::now() < deadline) {
        pollfd room{socket_.native_handle(), POLLOUT, 0};
        if (::poll(&room, 1, 10) > 0)
            write_some();
    }
}

// One who has read nothing for too long while something waits is told of, once.
void PacketChannel::be_patient()
{
    if (limits_.patience.count() == 0 || std::exchange(patient_, true))
        return;
    patience_until(std::chrono::steady_clock::now());
}

void PacketChannel::patience_until(std::chrono::steady_clock::time_point since)
{
    patience_.expires_at(since + limits_.patience);
    patience_.async_wait(alive_.guard([this, since](boost::system::error_code error) {
        if (!error && open_ && !outbox_.empty() && last_sent_ > since)
            return patience_until(last_sent_);
        patient_ = false;
        if (!error && open_ && !outbox_.empty())
            listener_.stalled();
    }));
}

void PacketChannel::shut_down()
{
    if (socket_.is_open())
        ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

void PacketChannel::end()
{
    if (!std::exchange(open_, false))
        return;
    patience_.cancel();
    if (std::vector<os::UniqueFd> fds = outbox_.clear(); !fds.empty())
        listener_.spent(std::move(fds));
    listener_.ended();
}

os::UniqueFd PacketChannel::release()
{
    open_ = false;
    return os::UniqueFd{os::adopt, socket_.is_open() ? socket_.release() : -1};
}

} // namespace ostler::ipc
