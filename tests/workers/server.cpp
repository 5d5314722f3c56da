// SPDX-License-Identifier: MIT
#include "tests/workers/server.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace ostler::test
{

int Server::listen_everywhere()
{
    for (std::uint32_t i = 0; const char* name = ostler_worker_socket(host_.worker, i); ++i) {
        std::uint32_t listener = 0;
        const int rc = ostler_worker_listen(host_.worker, name, 10'000, &listener);
        if (rc < 0)
            return rc;
        if (ostler_listener_kind(host_.worker, listener) == OSTLER_DATAGRAM)
            datagrams_.push_back({listener, ostler_listener_fd(host_.worker, listener)});
    }
    return 0;
}

int Server::run()
{
    const auto begun = Clock::now();
    while (!ended_) {
        wait(begun);
        if (options_.exit_after_ms != 0 &&
            Clock::now() - begun >= std::chrono::milliseconds{options_.exit_after_ms})
            return options_.exit_code;
        turn();
    }
    return options_.exit_code;
}

void Server::shut_down_listeners()
{
    for (int fd = 3; fd < 256; ++fd) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0)
            ::shutdown(fd, SHUT_RDWR);
    }
}

void Server::wait(Clock::time_point begun)
{
    watched_.clear();
    watched_.push_back({gone_ ? -1 : ostler_worker_fd(host_.worker), POLLIN, 0});
    for (const Datagrams& one : datagrams_)
        watched_.push_back({one.socket, POLLIN, 0});
    for (const Connection& one : connections_)
        watched_.push_back({one.due() ? -1 : one.socket().get(), POLLIN, 0});
    ostler_worker_idle(host_.worker);
    scribble();
    ::poll(watched_.data(), watched_.size(), milliseconds_to_next(begun));
    ostler_worker_busy(host_.worker);
    scribble();
}

void Server::scribble()
{
    if (options_.scribble_page)
        scribbler_.scribble();
}

int Server::milliseconds_to_next(Clock::time_point begun) const
{
    auto next = Clock::time_point::max();
    if (options_.exit_after_ms != 0)
        next = begun + std::chrono::milliseconds{options_.exit_after_ms};
    for (const Connection& one : connections_)
        next = std::min(next, one.due().value_or(next));
    if (next == Clock::time_point::max())
        return options_.scribble_page ? 1 : -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

// In the order of watched_.
void Server::turn()
{
    auto ready = watched_.begin();
    const bool library = (ready++)->revents != 0;
    for (const Datagrams& one : datagrams_)
        if ((ready++)->revents != 0)
            echo(one.socket);
    for (auto one = connections_.begin(); one != connections_.end();) {
        const auto& watched = *ready++;
        const auto now = one++;
        if (watched.revents != 0)
            after(now, now->read(host_));
        else if (now->due() && *now->due() <= Clock::now())
            after(now, now->answer(host_));
    }
    if (library)
        take_events();
    do_what_was_asked();
}

void Server::after(std::list<Connection>::iterator one, Connection::Next next)
{
    if (next != Connection::Next::ended)
        return;
    const std::uint64_t id = one->id();
    connections_.erase(one);
    ostler_worker_done(host_.worker, id);
    ended_ = ended_ || (gone_ && connections_.empty());
}

void Server::take_events()
{
    log_.taking();
    ostler_event event = OSTLER_EVENT_INIT;
    const int rc = ostler_worker_next(host_.worker, &event, 0);
    if (rc >= 0 && event.type == OSTLER_CONNECTION)
        return take(event);
    log_.none();
    if (rc == -EPIPE)
        let_go();
    else if (rc >= 0)
        obey(event);
}

void Server::take(const ostler_event& event)
{
    log_.taken(event.peer);
    connections_.emplace_back(os::UniqueFd{os::adopt, event.fd}, event.connection);
}

void Server::obey(const ostler_event& event)
{
    if (event.type == OSTLER_MESSAGE && event.fd >= 0)
        ::close(event.fd);
    if (event.type == OSTLER_DRAIN)
        host_.draining = !options_.ignore_drain;
    if (event.type == OSTLER_STOP)
        ended_ = !options_.ignore_drain;
    if (event.type == OSTLER_REPLACED)
        for (Datagrams& one : datagrams_)
            if (one.listener == event.listener)
                one.socket = event.fd;
}

void Server::do_what_was_asked()
{
    if (host_.shutting_down)
        shut_down_listeners();
    host_.shutting_down = false;
    if (!host_.leaving)
        return;
    host_.leaving = false;
    (void)!ostler_worker_leave(host_.worker, 5'000);
    let_go();
}

void Server::let_go()
{
    gone_ = true;
    ended_ = connections_.empty();
}

void Server::echo(int socket)
{
    char buffer[1024];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = ::recvfrom(socket, buffer, sizeof buffer, MSG_DONTWAIT, address, &size);
    if (got < 0)
        return;
    const std::string answer =
        describe_self(host_.worker, std::string{buffer, static_cast<std::size_t>(got)});
    ::sendto(socket, answer.data(), answer.size(), MSG_NOSIGNAL, address, size);
}

} // namespace ostler::test
