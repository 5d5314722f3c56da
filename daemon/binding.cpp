// SPDX-License-Identifier: MIT
#include "daemon/binding.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include "ipc/os/holder.hpp"

namespace ostler
{
namespace
{

std::string in_use(const os::Endpoint& where, Holder wanted)
{
    if (wanted == Holder::unnamed)
        return "address in use";
    if (const auto holder = os::holder_of(where))
        return fmt::format("address in use by {} (pid {})", holder->name, holder->pid);
    return "address in use; its holder belongs to another user or is not visible from here";
}

std::string not_permitted(const os::Endpoint& where)
{
    if (where.family() == AF_UNIX)
        return "permission denied: the daemon's user may not make files in its folder";
    if (where.port() < 1024)
        return "permission denied: ports below 1024 need root or CAP_NET_BIND_SERVICE";
    return "permission denied";
}

std::string not_changed(const os::Endpoint& where)
{
    return where.family() == AF_UNIX
               ? "its owner or group cannot be changed: that needs root, or membership in the group"
               : "operation not permitted";
}

os::Result<os::BoundSocket> bind_and_listen(const config::Socket& spec, const os::Endpoint& where,
                                            const os::BindOptions& options)
{
    auto bound = os::bind_to(where, options);
    if (bound && where.transport() == os::Transport::stream)
        if (const auto done = os::listen_on(bound->fd.borrow(), stream_options(spec)); !done)
            return done.error(); // two may bind with SO_REUSEADDR; the second cannot listen
    return bound;
}

os::Result<os::BoundSocket> bind_beside(const config::Socket& spec, const os::Endpoint& where,
                                        std::span<const os::FdRef> leaving)
{
    for (const os::FdRef socket : leaving)
        (void)os::share_port(socket, true); // or the address stays in use
    os::BindOptions options = bind_options(spec);
    options.share_port = true;
    auto bound = bind_and_listen(spec, where, options);
    if (bound)
        (void)os::share_port(bound->fd.borrow(), false);
    for (const os::FdRef socket : leaving)
        (void)os::share_port(socket, false);
    return bound;
}

std::string reason(const os::Endpoint& where, os::Error error, Holder holder)
{
    switch (error.value()) {
    case EADDRINUSE:
        return in_use(where, holder);
    case EACCES:
        return not_permitted(where);
    case EPERM:
        return not_changed(where);
    case EEXIST:
        return "a file that is not a socket is there; remove it or choose another path";
    case ENOENT:
    case ENOTDIR:
        return "its folder does not exist; create it first";
    case EADDRNOTAVAIL:
        return "no interface of this machine has this address";
    case EAFNOSUPPORT:
        return "this machine has no support for this kind of address";
    case EMFILE:
    case ENFILE:
        return "no descriptors left; raise the limit of open files (LimitNOFILE=)";
    default:
        return error.message();
    }
}

} // namespace

std::optional<os::Endpoint> endpoint_of(const config::Address& address)
{
    using Family = config::Address::Family;
    switch (address.family) {
    case Family::tcp:
        return os::Endpoint::ip(address.host, address.port, os::Transport::stream);
    case Family::udp:
        return os::Endpoint::ip(address.host, address.port, os::Transport::datagram);
    case Family::unix_path:
        return os::Endpoint::unix_path(address.path);
    case Family::unix_abstract:
        return os::Endpoint::unix_abstract(address.path);
    case Family::inherited: // where it is bound its maker knows
        break;
    }
    return std::nullopt;
}

os::BindOptions bind_options(const config::Socket& spec)
{
    return {.v6only = spec.v6only, .access = {spec.mode, spec.owner, spec.group}};
}

os::StreamOptions stream_options(const config::Socket& spec)
{
    return {.backlog = spec.backlog,
            .keepalive = spec.keepalive,
            .nodelay = spec.nodelay,
            .defer_accept = spec.defer_accept};
}

std::string why_not_bound(const os::Endpoint& where, os::Error error, Holder holder)
{
    return fmt::format("cannot bind {}: {}", where.text(), reason(where, error, holder));
}

os::Result<os::BoundSocket> bind_plainly(const config::Socket& spec)
{
    const auto where = endpoint_of(spec.listen);
    if (!where)
        return os::error_from(EINVAL);
    return bind_and_listen(spec, *where, bind_options(spec));
}

std::optional<os::BoundSocket> bind_socket(const config::Socket& spec, std::string& sentence,
                                           std::span<const os::FdRef> leaving)
{
    const auto where = endpoint_of(spec.listen);
    if (!where) {
        sentence = fmt::format("cannot bind {}: not an address of this machine's kinds, or its "
                               "path is longer than the 107 bytes that a socket may have",
                               spec.listen.text);
        return std::nullopt;
    }
    auto bound = bind_and_listen(spec, *where, bind_options(spec));
    if (!bound && bound.error().value() == EADDRINUSE && where->family() != AF_UNIX)
        if (auto beside = bind_beside(spec, *where, leaving))
            bound = std::move(beside);
    if (bound)
        return std::move(*bound);
    sentence = why_not_bound(*where, bound.error());
    return std::nullopt;
}

} // namespace ostler
