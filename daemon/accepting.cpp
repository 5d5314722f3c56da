// SPDX-License-Identifier: MIT
#include "daemon/accepting.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <sys/socket.h>

namespace ostler
{
namespace
{

template <std::size_t count>
bool among(const int (&errors)[count], int error)
{
    return std::find(std::begin(errors), std::end(errors), error) != std::end(errors);
}

} // namespace

TakenBack accept_from(os::FdRef socket)
{
    TakenBack accepted;
    socklen_t size = sizeof accepted.packet.peer;
    auto* peer = reinterpret_cast<sockaddr*>(accepted.packet.peer);
    accepted.fd.reset(::accept4(socket.get(), peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    accepted.packet.peer_size = std::min<std::uint32_t>(size, sizeof accepted.packet.peer);
    return accepted;
}

Trouble trouble_of(int error)
{
    constexpr int one[] = {ECONNABORTED, ECONNRESET, EPROTO, EPERM,      ENETDOWN,
                           ENOPROTOOPT,  EHOSTDOWN,  ENONET, EOPNOTSUPP, ENETUNREACH,
                           EHOSTUNREACH, ETIMEDOUT,  EINTR};
    if (error == EAGAIN)
        return Trouble::none_there;
    if (error == EINVAL)
        return Trouble::shut;
    return among(one, error) ? Trouble::only_this_one : Trouble::scarce;
}

bool scarce(int error)
{
    // ETOOMANYREFS counts descriptors in flight over all queues of this user: another queue would
    // not help.
    constexpr int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, ETOOMANYREFS};
    return among(errors, error);
}

} // namespace ostler
