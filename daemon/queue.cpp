// SPDX-License-Identifier: MIT
#include "daemon/queue.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "ipc/os/packet.hpp"

namespace ostler
{
namespace
{

using wire::native::Connection;

constexpr int usual_send_buffer = 4736; // what the formula below gives on x86-64

std::span<const std::byte> bytes_of(const Connection& packet)
{
    return std::as_bytes(std::span{&packet, 1});
}

// A packet whose descriptor cannot be received is lost with it, so one must be free beforehand. The
// dispatcher stops accepting while some are left, hence nobody takes it meanwhile.
bool descriptor_free(os::FdRef any)
{
    return os::UniqueFd{os::adopt, ::fcntl(any.get(), F_DUPFD_CLOEXEC, 0)}.valid();
}

bool sound(const os::Received& got, const TakenBack& one)
{
    return !got.cut && got.bytes == sizeof(Connection) && got.fds == 1 && one.fd.valid();
}

} // namespace

// The kernel says writable while charge * 4 <= 2 * SO_SNDBUF: true with three packets, not with
// four.
int Queue::fitting_send_buffer()
{
    os::UniqueFd near, far;
    int charge = 0;
    if (os::packet_pair(near, far) != 0 ||
        os::send_packet(near.borrow(), bytes_of(Connection{}), {}) != 0 ||
        ::ioctl(near.get(), SIOCOUTQ, &charge) != 0 || charge <= 0)
        return usual_send_buffer;
    constexpr int slack = 256;
    return (static_cast<int>(depth - 1) * charge * 4 + slack) / 2;
}

os::Result<Queue> Queue::make(int send_buffer)
{
    auto ends = std::make_shared<QueueEnds>();
    if (const int error = os::packet_pair(ends->near, ends->far); error != 0)
        return os::error_from(-error);
    if (::setsockopt(ends->near.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) !=
        0)
        return os::last_error();
    // So that the worker cannot fill memory of ours by writing.
    if (::shutdown(ends->near.get(), SHUT_RD) != 0)
        return os::last_error();
    return Queue{std::move(ends)};
}

int Queue::offer(const Connection& packet, os::FdRef connection) const
{
    const int lent = connection.get();
    return os::send_packet(near(), bytes_of(packet), std::span{&lent, 1});
}

unsigned Queue::waiting() const
{
    int bytes = 0;
    if (::ioctl(far().get(), FIONREAD, &bytes) != 0 || bytes < 0)
        return 0;
    return static_cast<unsigned>(bytes) / unsigned{sizeof(Connection)};
}

bool take_back(const QueueEnds& queue, std::size_t at_most, std::vector<TakenBack>& into)
{
    for (std::size_t i = 0; i < at_most; ++i) {
        if (!descriptor_free(queue.far.borrow()))
            return false;
        TakenBack one;
        os::Received got;
        const auto buffer = std::as_writable_bytes(std::span{&one.packet, 1});
        if (os::receive_packet(queue.far.borrow(), buffer, std::span{&one.fd, 1}, got) <= 0)
            return true;
        if (sound(got, one))
            into.push_back(std::move(one));
    }
    return true;
}

} // namespace ostler
