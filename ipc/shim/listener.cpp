// SPDX-License-Identifier: MIT
#include "ipc/shim/listener.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <unistd.h>

#include "ipc/os/packet.hpp"
#include "ipc/shim/own_socket.hpp"

namespace ostler::shim
{
namespace
{

Take take_from_queue(os::FdRef queue, Taken& taken)
{
    wire::native::Connection packet;
    os::Received got;
    const int rc = os::receive_packet(queue, std::as_writable_bytes(std::span{&packet, 1}),
                                      {&taken.fd, 1}, got);
    if (rc <= 0)
        return rc == -EAGAIN ? Take::nothing : Take::ended;
    if (got.fds == 0)
        return got.cut ? Take::no_room : Take::skipped; // cut: the kernel had to drop it
    if (got.cut || got.bytes != sizeof packet || packet.peer_size > sizeof packet.peer ||
        packet.header.type != static_cast<std::uint16_t>(wire::native::Type::connection))
        return Take::skipped;
    taken.id = packet.id;
    taken.peer_size = packet.peer_size;
    static_assert(sizeof packet.peer == sizeof taken.peer);
    std::memcpy(&taken.peer, packet.peer, packet.peer_size);
    return Take::got;
}

Take failed_accept(int error)
{
    switch (error) {
    case EAGAIN:
        return Take::nothing;
    case EINVAL: // shut down: not listening any more
    case EBADF:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return Take::ended;
    case EINTR:
    case ECONNABORTED: // and what accept(2) lists as errors of the connection it was about to give
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
        return Take::skipped;
    default:
        return Take::no_room;
    }
}

// Others hold this open file too and may have made it blocking.
void make_non_blocking(os::FdRef shared)
{
    const int flags = ::fcntl(shared.get(), F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(shared.get(), F_SETFL, flags | O_NONBLOCK);
}

Take accept_from(os::FdRef shared, Taken& taken)
{
    make_non_blocking(shared);
    socklen_t size = sizeof taken.peer;
    const int fd = ::accept4(shared.get(), reinterpret_cast<sockaddr*>(&taken.peer), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return failed_accept(errno);
    taken.fd.reset(fd);
    taken.id = 0;
    taken.peer_size = size;
    return Take::got;
}

} // namespace

Take Listener::take(Taken& taken) const
{
    return source == Source::queue ? take_from_queue(fd.borrow(), taken)
                                   : accept_from(fd.borrow(), taken);
}

int Listener::replace(os::UniqueFd fresh)
{
    return ::dup3(fresh.get(), fd.get(), O_CLOEXEC) < 0 ? -errno : 0;
}

void Listener::shut()
{
    if (own && fd.valid())
        remove_file_of(address);
    fd.reset();
    source = Source::ended;
}

void Listener::clear()
{
    shut();
    std::free(address);
    *this = Listener{};
}

} // namespace ostler::shim
