// SPDX-License-Identifier: MIT
// User messages: what the program sends, and what others sent to it.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

namespace native = wire::native;
using native::Type;

namespace
{

constexpr std::uint32_t known_flags = OSTLER_KEEP_OPEN | OSTLER_CONFIRM;

bool sensible(const ostler_message& message)
{
    const bool named = message.pool != nullptr && *message.pool != '\0';
    return message.kind <= OSTLER_ALL && message.content <= OSTLER_JSON &&
           (message.flags & ~known_flags) == 0 &&
           (message.data != nullptr || message.length == 0) &&
           (message.kind != OSTLER_POOL || named) &&
           (!named || std::strlen(message.pool) <= native::max_name);
}

} // namespace

// The descriptor is gone afterwards, so that nobody has to guess: but for a call that can be made
// again, or that made no sense.
int Worker::send(const ostler_message& message, int timeout_ms)
{
    const int rc = sensible(message) ? try_send(message, Deadline::after(timeout_ms)) : -EINVAL;
    const bool keep = (message.flags & OSTLER_KEEP_OPEN) != 0 || rc == -EAGAIN || rc == -EINVAL;
    if (message.fd >= 0 && !keep)
        ::close(message.fd);
    return rc;
}

int Worker::try_send(const ostler_message& message, Deadline deadline)
{
    if (message.length > native::max_message)
        return -EMSGSIZE;
    if (over())
        return -EPIPE;
    const bool confirm = (message.flags & OSTLER_CONFIRM) != 0;
    Request* request = confirm ? requests_.add(Type::message) : nullptr;
    if (confirm && request == nullptr)
        return -EBUSY;
    int rc = send_rest(deadline);
    if (rc == 0)
        rc = outgoing_.send(channel_, message, confirm ? request->id : 0, deadline);
    watch_for_room();
    if (!confirm)
        return rc;
    if (rc < 0) {
        request->state = Request::State::unused;
        return rc;
    }
    static_cast<void>(send_rest(deadline)); // the answer comes when all of it has gone
    return await_answer(*request, deadline);
}

// What was kept of a message. 0 when all of it has gone.
int Worker::send_rest(Deadline deadline)
{
    if (!outgoing_.under_way())
        return 0;
    const int rc = outgoing_.go_on(channel_, deadline);
    watch_for_room();
    return rc;
}

void Worker::watch_for_room()
{
    if (watches_for_room_ == outgoing_.under_way())
        return;
    watches_for_room_ = outgoing_.under_way();
    if (!over())
        poller_.watch_for_room(channel_.descriptor(), channel_mark, watches_for_room_);
}

void Worker::on_message(Packet& packet)
{
    inbox_.add(packet);
}

void Worker::on_sent(Packet& packet)
{
    native::Sent sent;
    Request* request = requests_.unanswered(packet.header.request, Type::message);
    if (request != nullptr && wire::read_fields(packet.body, sent))
        Requests::answer(*request,
                         static_cast<int>(std::min<std::uint32_t>(sent.recipients, INT32_MAX)));
}

bool Worker::give_message(ostler_event& event)
{
    shown_ = inbox_.take();
    if (shown_ == nullptr)
        return false;
    event = OSTLER_EVENT_INIT;
    event.type = OSTLER_MESSAGE;
    event.fd = shown_->fd.release();
    event.message = &shown_->shown;
    return true;
}

void Worker::forget_shown()
{
    Letter::destroy(shown_);
    shown_ = nullptr;
}

} // namespace ostler::shim
