// SPDX-License-Identifier: MIT
#include "ipc/control/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <utility>

#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::control
{
namespace
{

Answer failure(int exit, std::string sentence)
{
    return {exit, std::move(sentence), {}};
}

Answer no_daemon(const std::string& path)
{
    return failure(exit_no_daemon, "no daemon answers at " + path +
                                       ": start one with `ostler start`, or name its socket with "
                                       "--socket");
}

Answer cannot_connect(const std::string& path, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
        return no_daemon(path);
    case EACCES:
    case EPERM:
        return failure(exit_not_permitted, "you may not connect to " + path +
                                               ": ask for a role in `control:` of the spec, or use "
                                               "the daemon's user or root");
    case EPROTOTYPE:
    case ENOTSOCK:
        return failure(exit_no_daemon, path + " is not the control socket of an ostlerd");
    case EAGAIN:
    case ETIMEDOUT:
        return failure(exit_timeout,
                       "the daemon at " + path + " does not take connections in time");
    default:
        return failure(exit_no_daemon, "connecting to " + path + ": " + std::strerror(error));
    }
}

// The queue of a listening socket may be full: then connect() waits as long as a send may take.
void limit_connect(os::FdRef socket, Deadline deadline)
{
    if (!deadline)
        return;
    const int left = std::max(remaining(deadline), 1);
    const timeval time{left / 1000, left % 1000 * 1000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

} // namespace

Answer answer_from(const boost::json::object& body)
{
    Answer answer{exit_bug, "the daemon's answer names no exit code", {}};
    for (const auto& [key, value] : body) {
        if (key == "exit" && value.is_int64())
            answer.exit = static_cast<int>(value.get_int64());
        else if (key == "message" && value.is_string())
            answer.message = value.get_string();
        else
            answer.data[key] = value;
    }
    return answer;
}

Connection::Connection(os::UniqueFd socket, std::string name)
    : socket_{std::move(socket)}, name_{std::move(name)}, buffer_(max_packet)
{
}

std::variant<Connection, Answer> Connection::connect(const std::string& path, Deadline deadline)
{
    const auto address = address_of(path);
    if (!address)
        return failure(exit_usage, bad_path(path));
    os::UniqueFd socket{os::adopt, ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    if (!socket.valid())
        return failure(exit_system, std::string{"making a socket: "} + std::strerror(errno));
    limit_connect(socket.borrow(), deadline);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return cannot_connect(path, errno);
    return Connection{std::move(socket), path};
}

bool Connection::post(Message message)
{
    auto packets = packets_of(message, max_request);
    auto handles = std::move(message.further);
    if (message.handle.valid())
        handles.insert(handles.begin(), std::move(message.handle));
    for (std::string& packet : packets) { // the handles go with the first
        waiting_bytes_ += packet.size();
        waiting_.push_back({message.request, std::move(packet), std::exchange(handles, {})});
    }
    return !packets.empty();
}

Connection::NotSent Connection::send()
{
    while (!waiting_.empty()) {
        const Packet& packet = waiting_.front();
        std::vector<int> lent;
        for (const os::UniqueFd& handle : packet.handles)
            lent.push_back(handle.get());
        const int sent =
            os::send_packet(socket_.borrow(), std::as_bytes(std::span{packet.bytes}), lent);
        if (sent == -EAGAIN)
            break;
        if (sent == -ETOOMANYREFS)
            return drop(packet.request);
        if (sent < 0) {
            give_up();
            break;
        }
        waiting_bytes_ -= packet.bytes.size();
        waiting_.pop_front();
    }
    return {};
}

// All of it: descriptors travel with the first packet.
Connection::NotSent Connection::drop(std::uint32_t request)
{
    while (!waiting_.empty() && waiting_.front().request == request) {
        waiting_bytes_ -= waiting_.front().bytes.size();
        waiting_.pop_front();
    }
    return request;
}

// What follows would make no sense without it. The daemon may have said why before it closed, and
// does so in any case once it has heard our end: either is heard next.
void Connection::give_up()
{
    waiting_.clear();
    waiting_bytes_ = 0;
    ::shutdown(socket_.get(), SHUT_WR);
}

Connection::Heard Connection::hear(Message& message)
{
    for (;;) {
        os::Received got;
        os::UniqueFd handle;
        const int result = os::receive_packet(socket_.borrow(), buffer_, {&handle, 1}, got);
        // ECONNRESET, once: it closed without reading all of ours. What it said before is there.
        if (result == -ECONNRESET)
            continue;
        if (result == -EAGAIN)
            return Heard::nothing;
        if (result <= 0)
            return Heard::gone;
        if (handle.valid())
            handle_ = std::move(handle);
        switch (assembler_.feed(std::span{buffer_}.first(got.bytes), message)) {
        case Assembler::Outcome::message:
            message.handle = std::move(handle_);
            return Heard::message;
        case Assembler::Outcome::unfinished:
        case Assembler::Outcome::skipped:
            break;
        case Assembler::Outcome::not_json:
        case Assembler::Outcome::broken:
            return Heard::foreign;
        }
    }
}

Answer Connection::foreign() const
{
    return failure(exit_bug, "what answers at " + name_ +
                                 " does not speak the control protocol of this ostler");
}

} // namespace ostler::control
