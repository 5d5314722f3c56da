// SPDX-License-Identifier: MIT
#include "ipc/shim/poller.hpp"

#include <cerrno>

namespace ostler::shim
{

int Poller::open()
{
    own_.reset(::epoll_create1(EPOLL_CLOEXEC));
    return own_.valid() ? 0 : -errno;
}

void Poller::attach(os::FdRef program, std::uint64_t mark)
{
    attached_ = true;
    program_ = program.get();
    mark_ = mark;
    own_.reset();
}

int Poller::watch(os::FdRef fd, std::uint64_t which, Wake wake)
{
    epoll_event event{};
    event.events = EPOLLIN;
    if (wake == Wake::exclusive)
        event.events |= EPOLLEXCLUSIVE;
    event.data.u64 = attached_ ? mark_ : which;
    return ::epoll_ctl(epoll(), EPOLL_CTL_ADD, fd.get(), &event) == 0 ? 0 : -errno;
}

void Poller::watch_for_room(os::FdRef fd, std::uint64_t which, bool wanted)
{
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = attached_ ? mark_ : which;
    ::epoll_ctl(epoll(), EPOLL_CTL_MOD, fd.get(), &event);
}

// Closing is not enough: where another process holds the same open file, epoll would go on
// reporting it.
void Poller::forget(os::FdRef fd)
{
    ::epoll_ctl(epoll(), EPOLL_CTL_DEL, fd.get(), nullptr);
}

int Poller::wait(std::span<epoll_event> events, Deadline deadline)
{
    for (;;) {
        const int count = ::epoll_wait(own_.get(), events.data(), static_cast<int>(events.size()),
                                       deadline.left_ms());
        if (count >= 0 || errno != EINTR)
            return count >= 0 ? count : -errno;
    }
}

} // namespace ostler::shim
