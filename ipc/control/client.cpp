// SPDX-License-Identifier: MIT
#include "ipc/control/client.hpp"

#include <cerrno>
#include <poll.h>
#include <utility>

#include "ipc/control/exit_code.hpp"

namespace ostler::control
{
namespace
{

Answer failure(int exit, std::string sentence)
{
    return {exit, std::move(sentence), {}};
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

// False at the deadline.
bool wait_for(os::FdRef socket, short events, Deadline deadline)
{
    for (;;) {
        pollfd waiting{socket.get(), events, 0};
        const int count = ::poll(&waiting, 1, remaining(deadline));
        if (count > 0)
            return true;
        if (count == 0)
            return false;
        if (errno != EINTR)
            return true; // the call that follows says what is wrong
    }
}

std::string text_of(const boost::json::object& body, std::string_view key)
{
    const auto* value = body.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

} // namespace

std::variant<Client, Answer> Client::connect(const std::string& path, Deadline deadline)
{
    auto connected = Connection::connect(path, deadline);
    if (auto* failed = std::get_if<Answer>(&connected))
        return std::move(*failed);
    return Client{std::get<Connection>(std::move(connected))};
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
    const std::uint32_t number = message.request;
    if (auto failed = send(std::move(message), deadline))
        return *failed;
    return await_reply(number, deadline, listening);
}

std::optional<Answer> Client::send(Message message, Deadline deadline)
{
    if (!connection_.post(std::move(message)))
        return failure(exit_usage,
                       "the request is longer than 1 MiB, or what it brings than 16 MiB");
    for (;;) {
        if (connection_.send())
            return failure(exit_failed, "the kernel has too many descriptors on their way");
        if (connection_.waiting() == 0)
            return std::nullopt;
        if (!wait_for(connection_.socket(), POLLOUT, deadline))
            return too_late();
    }
}

std::variant<Message, Answer> Client::receive(Deadline deadline)
{
    for (;;) {
        Message message;
        switch (connection_.hear(message)) {
        case Connection::Heard::message:
            return message;
        case Connection::Heard::gone:
            return went_away(connection_.name());
        case Connection::Heard::foreign:
            return connection_.foreign();
        case Connection::Heard::nothing:
            break;
        }
        if (!wait_for(connection_.socket(), POLLIN, deadline))
            return too_late();
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
        if (message.type == Type::reply && message.handle.valid() && listening.returned)
            listening.returned(std::move(message.handle));
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
