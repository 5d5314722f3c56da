// SPDX-License-Identifier: MIT
#include "ipc/control/client.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
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

Answer went_away(const std::string& path)
{
    return failure(exit_failed,
                   "the daemon at " + path + " closed the connection without an answer");
}

Answer too_late()
{
    return failure(exit_timeout, "no answer in time; the daemon goes on with what was asked");
}

// Milliseconds for poll(), rounded up so that we never wake before the deadline.
// False at the deadline.
bool wait_for(os::FdRef socket, short events, Client::Deadline deadline)
{
    for (;;) {
        pollfd waiting{socket.get(), events, 0};
        const int count = ::poll(&waiting, 1, Client::remaining(deadline));
        if (count > 0)
            return true;
        if (count == 0)
            return false;
        if (errno != EINTR)
            return true; // the call that follows says what is wrong
    }
}

// The queue of a listening socket may be full: then connect() waits as long as a send may take.
void limit_connect(os::FdRef socket, Client::Deadline deadline)
{
    if (!deadline)
        return;
    const int left = std::max(Client::remaining(deadline), 1);
    const timeval time{left / 1000, left % 1000 * 1000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::string text_of(const boost::json::object& body, std::string_view key)
{
    const auto* value = body.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

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

} // namespace

Client::Client(os::UniqueFd socket, std::string path)
    : socket_{std::move(socket)}, path_{std::move(path)}, buffer_(wire::max_packet)
{
}

std::variant<Client, Answer> Client::connect(const std::string& path, Deadline deadline)
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
    return Client{std::move(socket), path};
}

Answer Client::request(std::string_view verb, boost::json::object arguments, Deadline deadline,
                       const Listening& listening)
{
    arguments["verb"] = verb;
    return request({Type::request, 0, std::move(arguments)}, deadline, listening);
}

Answer Client::request(Message message, Deadline deadline, const Listening& listening)
{
    message.request = ++last_request_;
    if (auto failed = send(message, deadline))
        return *failed;
    return await_reply(message.request, deadline, listening);
}

int Client::remaining(const Deadline& deadline)
{
    if (!deadline)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

std::optional<Answer> Client::send(const Message& message, Deadline deadline)
{
    const auto packets = packets_of(message, max_request);
    if (packets.empty())
        return failure(exit_usage,
                       "the request is longer than 1 MiB, or what it brings than 16 MiB");
    const int fd = message.handle.get();
    std::span<const int> lent{&fd, message.handle.valid() ? 1U : 0U}; // with the first packet
    for (const std::string& packet : packets) {
        int sent;
        while ((sent = os::send_packet(socket_.borrow(), std::as_bytes(std::span{packet}), lent)) ==
               -EAGAIN)
            if (!wait_for(socket_.borrow(), POLLOUT, deadline))
                return too_late();
        lent = {};
        if (sent < 0)
            break; // the daemon may have said why before it closed: that is read next
    }
    return std::nullopt;
}

std::variant<Message, Answer> Client::receive(Deadline deadline)
{
    for (;;) {
        if (!wait_for(socket_.borrow(), POLLIN, deadline))
            return too_late();
        os::Received got;
        os::UniqueFd handle;
        const int result = os::receive_packet(socket_.borrow(), buffer_, {&handle, 1}, got);
        // ECONNRESET, once: it closed without reading all of ours. What it said before is there.
        if (result == -EAGAIN || result == -ECONNRESET)
            continue;
        if (result <= 0)
            return went_away(path_);
        if (handle.valid())
            handle_ = std::move(handle);
        Message message;
        switch (assembler_.feed(std::span{buffer_}.first(got.bytes), message)) {
        case Assembler::Outcome::message:
            message.handle = std::move(handle_);
            return message;
        case Assembler::Outcome::unfinished:
        case Assembler::Outcome::skipped:
            break;
        case Assembler::Outcome::not_json:
        case Assembler::Outcome::broken:
            return failure(exit_bug, "what answers at " + path_ +
                                         " does not speak the control "
                                         "protocol of this ostler");
        }
    }
}

Answer Client::await_reply(std::uint32_t number, Deadline deadline, const Listening& listening)
{
    for (;;) {
        auto received = receive(deadline);
        if (auto* failed = std::get_if<Answer>(&received))
            return std::move(*failed);
        Message& message = std::get<Message>(received);
        if (message.request != number && message.request != connection_itself)
            continue; // the late answer to a request that we gave up
        if (message.type == Type::reply)
            return answer_from(message.body);
        if (message.type == Type::progress && listening.progress)
            listening.progress(text_of(message.body, "text"));
        if (message.type == Type::line && listening.line)
            listening.line(message.body);
        if (message.type == Type::event && listening.event)
            listening.event(message.body);
        if (message.type == Type::message && listening.message)
            listening.message(message);
    }
}

} // namespace ostler::control
