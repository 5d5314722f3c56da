// SPDX-License-Identifier: MIT
#include "ipc/shim/channel.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

#include "ipc/os/packet.hpp"

namespace ostler::shim
{
namespace
{

int wait_for(os::FdRef socket, short events, Deadline deadline)
{
    pollfd one{socket.get(), events, 0};
    for (;;) {
        const int ready = ::poll(&one, 1, deadline.left_ms());
        if (ready > 0)
            return 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

int option(os::FdRef socket, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

} // namespace

int Channel::send_bytes(std::span<const std::byte> bytes, Deadline deadline) const
{
    if (bytes.empty())
        return -EMSGSIZE;
    for (;;) {
        const int sent = os::send_packet(socket_.borrow(), bytes, {});
        if (sent == -EAGAIN) {
            if (const int rc = wait_for(socket_.borrow(), POLLOUT, deadline); rc < 0)
                return rc;
            continue;
        }
        return sent == -ECONNRESET ? -EPIPE : sent;
    }
}

int Channel::send_now(os::TwoPieces packet, os::FdRef fd) const
{
    const int number = fd.get();
    const int sent = os::send_packet(socket_.borrow(), packet, {&number, fd.valid() ? 1u : 0u});
    if (sent == -ETOOMANYREFS || sent == -ENOMEM)
        return -ENOBUFS;
    return sent == -ECONNRESET ? -EPIPE : sent;
}

int Channel::wait_for_room(Deadline deadline) const
{
    return wait_for(socket_.borrow(), POLLOUT, deadline);
}

int Channel::receive(Packet& packet)
{
    os::Received got;
    std::span<std::byte> bytes;
    int rc = packets_.next(socket_.borrow(), bytes, {&packet.fd, 1}, got);
    if (rc == -ECONNRESET) // it closed without reading all of ours; what it said is still there
        rc = packets_.next(socket_.borrow(), bytes, {&packet.fd, 1}, got);
    if (rc == -EAGAIN)
        return 0;
    if (rc <= 0)
        return -EPIPE;
    packet.fd_lost = got.cut && !packet.fd.valid();
    packet.body = wire::Reader{bytes};
    // Too short to have a header: it reads as type 0, which nobody knows, and is skipped.
    static_cast<void>(wire::read_fields(packet.body, packet.header));
    return 1;
}

int Channel::wait_readable(Deadline deadline) const
{
    return has_received() ? 0 : wait_for(socket_.borrow(), POLLIN, deadline);
}

bool is_channel(os::FdRef fd)
{
    return option(fd, SO_TYPE) == SOCK_SEQPACKET && option(fd, SO_DOMAIN) == AF_UNIX;
}

} // namespace ostler::shim
