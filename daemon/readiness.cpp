// SPDX-License-Identifier: MIT
#include "daemon/readiness.hpp"

#include <array>
#include <sys/epoll.h>

namespace ostler
{
namespace
{

epoll_event event_for(std::uint64_t key, Readiness::Want want)
{
    using Want = Readiness::Want;
    epoll_event event{};
    event.data.u64 = key;
    switch (want) {
    case Want::shutdown:
        event.events = EPOLLRDHUP;
        break;
    case Want::input:
        event.events = EPOLLRDHUP | EPOLLIN;
        break;
    case Want::room_once: // no RDHUP: the master's end of a queue is always shut for reading
        event.events = EPOLLOUT | EPOLLONESHOT;
        break;
    case Want::nothing:
        event.events = EPOLLONESHOT | EPOLLET;
        break;
    }
    return event;
}

} // namespace

os::Result<std::unique_ptr<Readiness>> Readiness::make(boost::asio::any_io_executor executor)
{
    os::UniqueFd epoll{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll.valid())
        return os::last_error();
    boost::asio::posix::stream_descriptor watched{executor, epoll.get()};
    (void)epoll.release(); // not before: registering it may throw
    return std::unique_ptr<Readiness>{new Readiness{std::move(watched)}};
}

os::Result<void> Readiness::add(os::FdRef fd, std::uint64_t key, Want want)
{
    epoll_event event = event_for(key, want);
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd.get(), &event) != 0)
        return os::last_error();
    return {};
}

void Readiness::change(os::FdRef fd, std::uint64_t key, Want want)
{
    epoll_event event = event_for(key, want);
    ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd.get(), &event);
}

void Readiness::forget(os::FdRef fd)
{
    ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd.get(), nullptr);
}

void Readiness::start(Handler handler)
{
    handler_ = std::move(handler);
    wait();
}

void Readiness::wait()
{
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      alive_.guard([this](const boost::system::error_code& error) {
                          if (error)
                              return;
                          collect();
                      }));
}

void Readiness::collect()
{
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(epoll_.native_handle(), events.data(), events.size(), 0);
    const auto gone = alive_.token(); // a handler may end us
    for (int i = 0; i < count && !gone.expired(); ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        constexpr std::uint32_t shut = EPOLLHUP | EPOLLRDHUP | EPOLLERR;
        handler_({.key = event.data.u64, .shut = (event.events & shut) != 0});
    }
    // Waiting registers anew, so that what did not fit or was not finished wakes us again.
    if (!gone.expired())
        wait();
}

} // namespace ostler
