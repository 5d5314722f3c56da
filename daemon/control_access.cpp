// SPDX-License-Identifier: MIT
#include "daemon/control_access.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace ostler
{
namespace
{

bool read_groups(os::FdRef connection, std::vector<gid_t>& groups)
{
    groups.resize(64);
    for (;;) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int result =
            ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
        if (result != 0 && errno != ERANGE)
            return false;
        groups.resize(size / sizeof(gid_t)); // with ERANGE it is the size that is needed
        if (result == 0)
            return true;
    }
}

bool contains(const auto& numbers, auto number)
{
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

bool names(const config::Access& access, const Peer& peer)
{
    return contains(access.users, peer.uid) || contains(access.groups, peer.gid) ||
           std::any_of(peer.groups.begin(), peer.groups.end(),
                       [&](gid_t group) { return contains(access.groups, group); });
}

} // namespace

std::optional<Peer> peer_of(os::FdRef connection)
{
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return std::nullopt;
    Peer peer{credentials.pid, credentials.uid, credentials.gid, {}, {}};
    if (!read_groups(connection, peer.groups))
        return std::nullopt;
    return peer;
}

std::string to_string(const Peer& peer)
{
    if (peer.scope)
        return "controller=" + peer.scope->label + " worker=" + std::to_string(peer.scope->worker);
    return "uid=" + std::to_string(peer.uid) + " pid=" + std::to_string(peer.pid);
}

control::Role role_of(const Peer& peer, const config::Control& access, uid_t daemon_user)
{
    if (peer.scope || peer.uid == 0 || peer.uid == daemon_user || names(access.administer, peer))
        return control::Role::administer;
    if (names(access.operate, peer))
        return control::Role::operate;
    if (names(access.observe, peer))
        return control::Role::observe;
    return control::Role::none;
}

bool open_to_others(const config::Control& access, uid_t daemon_user)
{
    const auto to_others = [&](const config::Access& role) {
        return !role.groups.empty() ||
               std::any_of(role.users.begin(), role.users.end(),
                           [&](uid_t user) { return user != 0 && user != daemon_user; });
    };
    return to_others(access.observe) || to_others(access.operate) || to_others(access.administer);
}

} // namespace ostler
