// SPDX-License-Identifier: MIT
#include "ipc/os/packet.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace ostler::os
{
namespace
{

constexpr std::size_t control_space = CMSG_SPACE(sizeof(int) * max_packet_fds);

void take_descriptors(const msghdr& message, std::span<UniqueFd> fds, Received& got)
{
    auto* all = const_cast<msghdr*>(&message); // CMSG_NXTHDR only reads it
    for (cmsghdr* part = CMSG_FIRSTHDR(all); part != nullptr; part = CMSG_NXTHDR(all, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            UniqueFd owned{adopt, fd}; // one too many is closed here
            if (got.fds < fds.size())
                fds[got.fds++] = static_cast<UniqueFd&&>(owned);
            else
                got.cut = true;
        }
    }
}

} // namespace

int send_packet(FdRef socket, std::span<const std::byte> bytes, std::span<const int> lent,
                Wait wait)
{
    return send_packet(socket, TwoPieces{bytes, {}}, lent, wait);
}

int send_packet(FdRef socket, TwoPieces packet, std::span<const int> lent, Wait wait)
{
    if (lent.size() > max_packet_fds)
        return -EINVAL;
    iovec pieces[] = {{const_cast<std::byte*>(packet.head.data()), packet.head.size()},
                      {const_cast<std::byte*>(packet.body.data()), packet.body.size()}};
    alignas(cmsghdr) unsigned char control[control_space];
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = packet.body.empty() ? 1 : 2;
    if (!lent.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(lent.size_bytes());
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(lent.size_bytes());
        std::memcpy(CMSG_DATA(part), lent.data(), lent.size_bytes());
    }
    const int flags = MSG_NOSIGNAL | (wait == Wait::dont_wait ? MSG_DONTWAIT : 0);
    ssize_t sent;
    do
        sent = ::sendmsg(socket.get(), &message, flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int receive_packet(FdRef socket, std::span<std::byte> buffer, std::span<UniqueFd> fds,
                   Received& got, Wait wait)
{
    got = {};
    iovec piece{buffer.data(), buffer.size()};
    alignas(cmsghdr) unsigned char control[control_space];
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::dont_wait ? MSG_DONTWAIT : 0);
    ssize_t count;
    do
        count = ::recvmsg(socket.get(), &message, flags);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : read_head(message, static_cast<std::size_t>(count), fds, got);
}

int read_head(const msghdr& head, std::size_t bytes, std::span<UniqueFd> fds, Received& got)
{
    got.bytes = bytes;
    got.cut = (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    got.too_long = (head.msg_flags & MSG_TRUNC) != 0;
    take_descriptors(head, fds, got);
    return bytes == 0 ? 0 : 1;
}

int packet_pair(UniqueFd& one, UniqueFd& other, Blocking blocking)
{
    int ends[2];
    const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | (blocking == Blocking::no ? SOCK_NONBLOCK : 0);
    if (::socketpair(AF_UNIX, type, 0, ends) != 0)
        return -errno;
    one.reset(ends[0]);
    other.reset(ends[1]);
    return 0;
}

} // namespace ostler::os
