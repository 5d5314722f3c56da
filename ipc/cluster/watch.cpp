// SPDX-License-Identifier: MIT
#include "ipc/cluster/watch.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "ipc/cluster/ostler_cluster.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cluster
{
namespace
{

bool set(const os::UniqueFd& epoll, int how, os::FdRef fd, std::uint32_t events)
{
    epoll_event event{};
    event.events = events;
    return ::epoll_ctl(epoll.get(), how, fd.get(), &event) == 0;
}

} // namespace

Watch::Watch(os::FdRef socket)
    : socket_{socket},
      epoll_{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)},
      stirred_{os::adopt, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
{
    if (!epoll_.valid() || !stirred_.valid() || !set(epoll_, EPOLL_CTL_ADD, socket, EPOLLIN) ||
        !set(epoll_, EPOLL_CTL_ADD, stirred_.borrow(), EPOLLIN))
        throw Error{exit_system,
                    std::string{"watching the control connection: "} + std::strerror(errno)};
}

void Watch::want_room(bool wanted)
{
    if (wanted == wants_room_)
        return;
    wants_room_ = wanted;
    set(epoll_, EPOLL_CTL_MOD, socket_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Watch::stir()
{
    ::eventfd_write(stirred_.get(), 1);
}

void Watch::calm()
{
    eventfd_t ignored;
    ::eventfd_read(stirred_.get(), &ignored);
}

} // namespace ostler::cluster
