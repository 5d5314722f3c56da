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

std::vector<int> numbers_of(const std::vector<os::UniqueFd>& fds)
{
    std::vector<int> numbers;
    for (const os::UniqueFd& fd : fds)
        numbers.push_back(fd.get());
    return numbers;
}

} // namespace

PacketChannel::PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket,
                             Listener& listener)
    : socket_{std::move(executor), socket.get()}, listener_{listener}
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
        if (result <= 0)
            return end();
        std::vector<os::UniqueFd> given;
        for (std::size_t i = 0; i < got.fds; ++i)
            given.push_back(std::move(fds[i]));
        listener_.received({buffer.data(), got.bytes}, std::move(given), got.cut);
    }
    if (open_)
        wait_to_read();
}

bool PacketChannel::send(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (!open_)
        return false;
    if (!waiting_.empty())
        return keep_for_later(packet, lent);
    const int result = os::send_packet(os::FdRef{socket_.native_handle()}, packet, lent);
    if (result == -EAGAIN || result == -ETOOMANYREFS || result == -ENOBUFS || result == -ENOMEM) {
        const bool kept = keep_for_later(packet, lent);
        wait_to_write();
        return kept;
    }
    return result == 0;
}

bool PacketChannel::keep_for_later(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (waiting_.size() >= max_waiting)
        return false;
    Waiting later{{packet.begin(), packet.end()}, {}};
    for (const int fd : lent) {
        later.fds.emplace_back(os::adopt, ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
        if (!later.fds.back().valid())
            return false;
    }
    waiting_.push_back(std::move(later));
    return true;
}

void PacketChannel::wait_to_write()
{
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                       alive_.guard([this](boost::system::error_code error) {
                           if (!error)
                               write_some();
                       }));
}

void PacketChannel::write_some()
{
    while (open_ && !waiting_.empty())
        if (!write_next())
            return wait_to_write();
}

// False while there is no room.
bool PacketChannel::write_next()
{
    const Waiting& next = waiting_.front();
    if (os::send_packet(os::FdRef{socket_.native_handle()}, next.packet, numbers_of(next.fds)) ==
        -EAGAIN)
        return false;
    waiting_.pop_front(); // sent, or the peer is gone, which reading tells
    return true;
}

void PacketChannel::flush(std::chrono::milliseconds time)
{
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (open_ && !waiting_.empty() && std::chrono::steady_clock::now() < deadline) {
        pollfd room{socket_.native_handle(), POLLOUT, 0};
        if (::poll(&room, 1, 10) > 0)
            static_cast<void>(write_next());
    }
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
    waiting_.clear();
    listener_.ended();
}

os::UniqueFd PacketChannel::release()
{
    open_ = false;
    return os::UniqueFd{os::adopt, socket_.is_open() ? socket_.release() : -1};
}

} // namespace ostler::ipc
