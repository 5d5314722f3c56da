// SPDX-License-Identifier: MIT
#include "daemon/control_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"

namespace ostler
{
namespace
{

namespace asio = boost::asio;
using asio::awaitable;
using asio::posix::stream_descriptor;

constexpr std::chrono::milliseconds pause_without_descriptors{100};

int duplicate(os::FdRef fd)
{
    return ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
}

// Controllers of the spec do not: their number is bounded.
bool takes_room(const ControlSession& session)
{
    return session.connected() && !session.peer().scope;
}

bool of_controller(const ControlSession& session, std::uint64_t worker)
{
    return session.peer().scope && session.peer().scope->worker == worker;
}

bool out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

ControlServer::ControlServer(asio::any_io_executor executor, os::FdRef listening,
                             ControlReach reach, config::Control access, ControlLimits limits)
    : executor_{executor},
      listening_{executor, duplicate(listening)},
      context_{reach, *this, std::move(access), ::geteuid(), limits.patience},
      limits_{limits},
      serving_{executor},
      accepting_{executor}
{
}

void ControlServer::start()
{
    accepting_.start("control accept", accept());
}

awaitable<void> ControlServer::stop()
{
    co_await accepting_.stop();
    for (const auto& [id, session] : sessions_)
        session->close();
    co_await serving_.wait_until_empty();
}

void ControlServer::set_access(config::Control access)
{
    context_.access = std::move(access);
}

// One connection a turn of the loop.
awaitable<void> ControlServer::accept()
{
    asio::steady_timer pause{executor_};
    for (;;) {
        co_await listening_.async_wait(stream_descriptor::wait_read, asio::use_awaitable);
        if (accept_one())
            continue;
        pause.expires_after(pause_without_descriptors); // they wait in the kernel meanwhile
        co_await pause.async_wait(asio::use_awaitable);
    }
}

// False when there are no descriptors left for it.
bool ControlServer::accept_one()
{
    os::UniqueFd connection{os::adopt, ::accept4(listening_.native_handle(), nullptr, nullptr,
                                                 SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (connection.valid()) {
        admit(std::move(connection));
        return true;
    }
    if (!out_of_resources(errno))
        return true; // the client has gone already
    spdlog::warn("control: a connection has to wait: {}", std::strerror(errno));
    return false;
}

void ControlServer::admit(os::UniqueFd connection)
try {
    auto peer = peer_of(connection.borrow());
    if (!peer)
        return context_.reach.off_loop.close(std::move(connection));
    const bool room = make_room(peer->uid);
    auto session = std::make_unique<ControlSession>(executor_, std::move(connection),
                                                    std::move(*peer), everything(), context_);
    if (!room)
        return session->refuse(exit_failed, "too many control connections: close some of yours");
    keep(std::move(session));
} catch (const boost::system::system_error& error) { // it cannot be watched, and is closed
    spdlog::warn("control: a connection is closed: {}", error.what());
}

// The daemon's own, which outlives every session.
std::shared_ptr<Operations> ControlServer::everything() const
{
    return {std::shared_ptr<void>{}, &context_.reach.operations};
}

void ControlServer::keep(std::unique_ptr<ControlSession> session)
{
    sessions_.emplace(++last_session_, std::move(session));
    serving_.start("control session", serve(last_session_));
}

// --- Controllers of the spec: each has as many as it may, and takes no room from others. ---

ControlServer::Connected ControlServer::admit(const std::shared_ptr<const ControlScope>& scope)
{
    controllers_.emplace(scope->worker, context_.reach.operations.within(scope));
    return connect(scope);
}

ControlServer::Connected ControlServer::connect(const std::shared_ptr<const ControlScope>& scope)
try {
    const auto controller = controllers_.find(scope->worker);
    if (controller == controllers_.end()) // it was asked for before, or by who survives it
        return "the controller is gone";
    const auto has = std::ranges::count_if(sessions_, [&](const auto& entry) {
        const ControlSession& session = *entry.second;
        return session.connected() && of_controller(session, scope->worker);
    });
    if (has >= std::ptrdiff_t{most_connections})
        return "a controller has at most 64 connections: close one";
    os::UniqueFd ours;
    os::UniqueFd theirs;
    if (const int error = os::packet_pair(ours, theirs, os::Blocking::yes); error != 0)
        return std::string{"making a control connection: "} + std::strerror(-error);
    Peer peer{.scope = scope};
    keep(std::make_unique<ControlSession>(executor_, std::move(ours), std::move(peer),
                                          controller->second, context_));
    return theirs;
} catch (const boost::system::system_error& error) { // it cannot be watched
    return std::string{"making a control connection: "} + error.what();
}

std::size_t ControlServer::holds(const ControlScope& scope) const
{
    std::size_t all = 0;
    for (const auto& [id, session] : sessions_)
        if (of_controller(*session, scope.worker))
            all += session->holds();
    return all;
}

void ControlServer::disconnect(std::uint64_t worker)
{
    controllers_.erase(worker);
    for (const auto& [id, session] : sessions_)
        if (of_controller(*session, worker))
            session->end_requests();
}

awaitable<void> ControlServer::serve(SessionId id)
{
    co_await sessions_.at(id)->run();
    sessions_.erase(id);
}

// At the limit somebody has to go: the least used connection of whoever has most of them. So one
// who holds many harms himself alone, and root always gets in.
bool ControlServer::make_room(uid_t newcomer)
{
    std::size_t all = 0;
    std::size_t connected = 0;
    for (const auto& [id, session] : sessions_) {
        all += session->peer().scope ? 0U : 1U;
        connected += takes_room(*session) ? 1U : 0U;
    }
    if (all >= 2 * limits_.sessions) // commands whose clients have left them alone
        return false;
    if (connected < limits_.sessions)
        return true;
    const uid_t owner = greediest();
    ControlSession* victim = least_used(owner);
    if (victim == nullptr || (owner == newcomer && !victim->idle()))
        return false;
    victim->refuse(exit_failed, "closed to make room for another control connection");
    return true;
}

uid_t ControlServer::greediest() const
{
    std::map<uid_t, std::size_t> of_user;
    for (const auto& [id, session] : sessions_)
        if (takes_room(*session))
            ++of_user[session->peer().uid];
    const auto most = std::max_element(of_user.begin(), of_user.end(), [](auto& one, auto& other) {
        return one.second < other.second;
    });
    return most != of_user.end() ? most->first : uid_t{};
}

// Idle ones first, then whose last request is longest ago.
ControlSession* ControlServer::least_used(uid_t owner) const
{
    ControlSession* least = nullptr;
    const auto before = [](const ControlSession& one, const ControlSession& other) {
        return one.idle() != other.idle() ? one.idle() : one.last_request() < other.last_request();
    };
    for (const auto& [id, session] : sessions_)
        if (takes_room(*session) && session->peer().uid == owner &&
            (least == nullptr || before(*session, *least)))
            least = session.get();
    return least;
}

} // namespace ostler
