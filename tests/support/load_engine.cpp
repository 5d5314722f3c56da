// SPDX-License-Identifier: MIT
#include "tests/support/load_engine.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>

#include "tests/support/answer.hpp"

namespace ostler::test
{

namespace
{

// We end with a reset: neither side keeps a connection in TIME_WAIT, so ports last for ever.
void reset_on_close(os::FdRef socket)
{
    const linger now{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int pending_error(os::FdRef socket)
{
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

} // namespace

LoadEngine::LoadEngine(const Endpoint& server, Load::Settings settings, Ended ended)
    : server_{server},
      settings_{std::move(settings)},
      ended_{std::move(ended)},
      epoll_{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)},
      next_launch_{Clock::now()},
      next_check_{Clock::now()}
{
}

void LoadEngine::run(const std::function<bool()>& enough)
{
    std::array<epoll_event, 64> events;
    while (true) {
        closing_ = closing_ || enough();
        const auto now = Clock::now();
        if (!closing_)
            launch_due(now);
        end_overdue(now);
        if (closing_ && under_way_ == 0)
            return;
        const timespec wait{.tv_sec = 0, .tv_nsec = next_wait(Clock::now()).count()};
        const int got = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &wait, nullptr);
        for (int i = 0; i < got; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            on(event.data.u64, event.events);
        }
    }
}

void LoadEngine::launch_due(Clock::time_point now)
{
    if (settings_.per_second <= 0) {
        while (under_way_ < settings_.at_a_time)
            launch(now);
        return;
    }
    const auto interval = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(1 / settings_.per_second));
    for (; next_launch_ <= now; next_launch_ += interval)
        launch(next_launch_); // from when it was due: a late client is not the server's merit
}

std::chrono::nanoseconds LoadEngine::next_wait(Clock::time_point now) const
{
    constexpr std::chrono::nanoseconds longest = 20ms;
    if (settings_.per_second <= 0 || closing_)
        return longest;
    return std::clamp<std::chrono::nanoseconds>(next_launch_ - now, 0ns, longest);
}

LoadEngine::Place LoadEngine::free_place()
{
    if (free_.empty()) {
        flights_.push_back(std::make_unique<Flight>());
        return flights_.size() - 1;
    }
    const Place place = free_.back();
    free_.pop_back();
    return place;
}

void LoadEngine::launch(Clock::time_point due)
{
    const Place place = free_place();
    Flight& flight = *flights_[place];
    flight.fate = Fate{.id = next_id_++, .began = due};
    flight.deadline = due + settings_.deadline;
    flight.asked = false;
    flight.received = 0;
    ++under_way_;
    connect(place);
}

void LoadEngine::connect(Place place)
{
    Flight& flight = *flights_[place];
    flight.socket = server_.make_socket(SOCK_NONBLOCK);
    if (server_.family() != AF_UNIX)
        reset_on_close(flight.socket.borrow());
    if (::connect(flight.socket.get(), server_.address(), server_.size()) != 0 &&
        errno != EINPROGRESS)
        return end(place, errno);
    flight.fate.port = local_port(flight.socket.borrow());
    epoll_event wanted{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = place}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, flight.socket.get(), &wanted);
}

void LoadEngine::on(Place place, std::uint32_t events)
{
    Flight& flight = *flights_[place];
    if (!flight.socket.valid())
        return; // ended earlier in this round
    if (!flight.asked && (events & EPOLLOUT) != 0)
        ask(place);
    if (flight.socket.valid() && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        hear(place);
}

void LoadEngine::ask(Place place)
{
    Flight& flight = *flights_[place];
    if (const int error = pending_error(flight.socket.borrow()); error != 0)
        return end(place, error);
    const std::string request = "GET " + settings_.path + "?id=" + std::to_string(flight.fate.id) +
                                " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    flight.asked = true;
    if (::send(flight.socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        end(place, errno);
}

void LoadEngine::hear(Place place)
{
    Flight& flight = *flights_[place];
    std::string_view received;
    while (!complete_answer(received)) { // edge-triggered: until it would block
        const ssize_t got = ::recv(flight.socket.get(), flight.buffer + flight.received,
                                   sizeof flight.buffer - flight.received, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            return end(place, got == 0 ? EPROTO : errno);
        flight.received += static_cast<std::size_t>(got);
        received = {flight.buffer, flight.received};
    }
    flight.fate.worker = number_of(received, "\"worker");
    flight.fate.pid = static_cast<pid_t>(number_of(received, "\"pid"));
    end(place, received.substr(9, 3) == "200" ? 0 : EBADMSG);
}

void LoadEngine::end(Place place, int error)
{
    Flight& flight = *flights_[place];
    flight.socket.reset();
    flight.fate.ended = Clock::now();
    flight.fate.error = error;
    free_.push_back(place);
    --under_way_;
    ended_(flight.fate);
}

void LoadEngine::end_overdue(Clock::time_point now)
{
    if (now < next_check_)
        return;
    next_check_ = now + 50ms;
    for (Place place = 0; place < flights_.size(); ++place)
        if (flights_[place]->socket.valid() && flights_[place]->deadline <= now)
            end(place, ETIMEDOUT);
}

} // namespace ostler::test
