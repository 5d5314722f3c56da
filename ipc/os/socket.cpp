// SPDX-License-Identifier: MIT
#include "ipc/os/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace ostler::os
{
namespace
{

Result<void> set(FdRef socket, int level, int option, int value)
{
    if (::setsockopt(socket.get(), level, option, &value, sizeof value) != 0)
        return last_error();
    return {};
}

int option_of(FdRef socket, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.get(), SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

Result<UniqueFd> open_for(const Endpoint& where, const BindOptions& options)
{
    const int type = where.transport() == Transport::datagram ? SOCK_DGRAM : SOCK_STREAM;
    UniqueFd fd{adopt, ::socket(where.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd.valid())
        return last_error();
    if (where.family() == AF_INET6)
        if (const auto done = set(fd.borrow(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6only); !done)
            return done.error();
    // For UDP it would let anybody who sets it too take the datagrams away.
    if (where.family() != AF_UNIX && where.transport() == Transport::stream)
        if (const auto done = set(fd.borrow(), SOL_SOCKET, SO_REUSEADDR, 1); !done)
            return done.error();
    if (options.share_port)
        if (const auto done = share_port(fd.borrow(), true); !done)
            return done.error();
    return fd;
}

Result<UnixFile> bind_unix(FdRef socket, const Endpoint& where, const FileAccess& access)
{
    if (const auto cleared = clear_stale(where); !cleared)
        return cleared.error();
    return bind_file(socket, where, access);
}

Result<BoundSocket> bind_open(UniqueFd fd, const Endpoint& where, const BindOptions& options)
{
    BoundSocket bound{std::move(fd), {}};
    if (where.family() != AF_UNIX || where.abstract()) {
        if (::bind(bound.fd.get(), where.address(), where.size()) != 0)
            return last_error();
        return bound;
    }
    auto file = bind_unix(bound.fd.borrow(), where, options.access);
    if (!file)
        return file.error();
    bound.file = std::move(*file);
    return bound;
}

} // namespace

Result<BoundSocket> bind_to(const Endpoint& where, const BindOptions& options)
{
    auto fd = open_for(where, options);
    if (!fd)
        return fd.error();
    return bind_open(std::move(*fd), where, options);
}

Result<void> share_port(FdRef socket, bool on)
{
    return set(socket, SOL_SOCKET, SO_REUSEPORT, on);
}

Result<BoundSocket> bind_again(const Endpoint& where, const BindOptions& options, FdRef dead)
{
    auto fd = open_for(where, options);
    if (!fd)
        return fd.error();
    // Both must be willing for the moment of the bind, and a holder may have changed the dead one.
    const bool internet = where.family() != AF_UNIX;
    const int before = option_of(fd->borrow(), SO_REUSEADDR);
    if (internet) {
        (void)set(dead, SOL_SOCKET, SO_REUSEADDR, 1);
        (void)set(fd->borrow(), SOL_SOCKET, SO_REUSEADDR, 1);
    }
    auto bound = bind_open(std::move(*fd), where, options);
    if (bound && internet)
        (void)set(bound->fd.borrow(), SOL_SOCKET, SO_REUSEADDR, before);
    return bound;
}

Result<void> listen_on(FdRef socket, const StreamOptions& options)
{
    const bool tcp = option_of(socket, SO_DOMAIN) != AF_UNIX;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.defer_accept).count();
    const struct {
        bool wanted;
        int level, option, value;
    } table[] = {
        {true, SOL_SOCKET, SO_KEEPALIVE, options.keepalive},
        {tcp, IPPROTO_TCP, TCP_NODELAY, options.nodelay},
        {tcp, IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>(seconds)},
    };
    for (const auto& row : table)
        if (row.wanted)
            if (const auto done = set(socket, row.level, row.option, row.value); !done)
                return done.error();
    if (::listen(socket.get(), options.backlog) != 0)
        return last_error();
    return {};
}

bool listening(FdRef socket)
{
    return option_of(socket, SO_ACCEPTCONN) != 0;
}

unsigned backlog_waiting(FdRef socket)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        info.tcpi_state != TCP_LISTEN)
        return 0;
    return info.tcpi_unacked; // of a listening socket: the length of its accept queue
}

Result<void> set_nonblocking(FdRef socket)
{
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return last_error();
    return {};
}

bool lingers(FdRef socket)
{
    linger set{};
    socklen_t size = sizeof set;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &set, &size) == 0 &&
           set.l_onoff != 0 && set.l_linger != 0;
}

void end_lingering(FdRef socket)
{
    const linger off{};
    if (lingers(socket))
        ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

void reset_connection(UniqueFd connection)
{
    const linger at_once{1, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace ostler::os
