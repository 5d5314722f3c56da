// SPDX-License-Identifier: MIT
#include "ipc/cluster/conversation.hpp"

#include <poll.h>
#include <utility>

#include "ipc/control/exit_code.hpp"

namespace ostler::cluster
{
namespace
{

constexpr std::size_t most_asked = 32; // that the daemon takes at a time on a connection
constexpr int most_at_once = 256;      // messages, before we let others have their turn

std::size_t size_of(const control::Message& message)
{
    return message.bytes ? message.bytes->size() : 0;
}

} // namespace

Conversation::Conversation(control::Connection connection)
    : connection_{std::move(connection)}, watch_{connection_.socket()}
{
}

void Conversation::ask(control::Message request, Hearing hearing)
{
    if (end_)
        return hearing.reply(*end_);
    request.request =
        ++last_request_ != control::connection_itself ? last_request_ : ++last_request_;
    asked_.insert_or_assign(request.request, std::move(hearing));
    held_bytes_ += size_of(request);
    held_.push_back(std::move(request));
    flush();
}

void Conversation::pump()
{
    receive();
    flush();
}

bool Conversation::wait(control::Deadline deadline) const
{
    const bool full = connection_.waiting() != 0;
    pollfd socket{connection_.socket().get(), static_cast<short>(full ? POLLIN | POLLOUT : POLLIN),
                  0};
    return ::poll(&socket, 1, control::remaining(deadline)) != 0;
}

void Conversation::receive()
{
    using Heard = control::Connection::Heard;
    for (int i = 0; i < most_at_once && !end_; ++i) {
        control::Message message;
        switch (connection_.hear(message)) {
        case Heard::message:
            arrived(std::move(message));
            break;
        case Heard::nothing:
            return;
        case Heard::gone:
            finish({exit_no_daemon, "the daemon at " + connection_.name() + " has gone", {}});
            break;
        case Heard::foreign:
            finish(connection_.foreign());
            break;
        }
    }
}

void Conversation::arrived(control::Message message)
{
    const bool last = message.type == control::Type::reply;
    if (last && message.request == control::connection_itself) {
        const auto why = control::answer_from(message.body);
        return finish({exit_no_daemon,
                       "the daemon at " + connection_.name() + " hung up: " + why.message,
                       {}});
    }
    const auto asked = asked_.find(message.request);
    if (asked == asked_.end())
        return;
    if (!last) {
        if (asked->second.other)
            asked->second.other(std::move(message));
        return;
    }
    const Hearing hearing = std::move(asked->second);
    asked_.erase(asked);
    hearing.reply(control::answer_from(message.body));
}

void Conversation::flush()
{
    while (!end_) {
        if (may_post())
            post_next();
        if (const auto lost = connection_.send())
            refuse(*lost, "the kernel has too many descriptors on their way");
        else if (!may_post())
            break;
    }
    watch_.want_room(!end_ && connection_.waiting() != 0);
}

// One after the other, so that one that cannot be sent costs no other.
bool Conversation::may_post() const
{
    return connection_.waiting() == 0 && !held_.empty() &&
           asked_.size() - held_.size() < most_asked;
}

void Conversation::post_next()
{
    control::Message next = std::move(held_.front());
    held_.pop_front();
    held_bytes_ -= size_of(next);
    const std::uint32_t number = next.request;
    if (!connection_.post(std::move(next)))
        refuse(number, "a request has at most 1 MiB, and a message 16 MiB");
}

void Conversation::refuse(std::uint32_t request, const char* sentence)
{
    arrived({control::Type::reply, request, {{"exit", exit_failed}, {"message", sentence}}});
}

void Conversation::finish(control::Answer end)
{
    end_ = std::move(end);
    held_.clear();
    held_bytes_ = 0;
    for (const auto& [number, hearing] : std::exchange(asked_, {}))
        hearing.reply(*end_);
    watch_.stir();
}

} // namespace ostler::cluster
