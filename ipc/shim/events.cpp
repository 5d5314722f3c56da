// SPDX-License-Identifier: MIT
// What the program is told, and in what order.
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{
namespace
{

constexpr std::uint64_t accepted_here = std::uint64_t{1} << 63; // apart from the master's numbers
constexpr unsigned channel_every = 16; // turns of an attached loop in which connections come

ostler_event blank(std::uint32_t type)
{
    ostler_event event = OSTLER_EVENT_INIT;
    event.type = type;
    return event;
}

} // namespace

int Worker::next(ostler_event& event, int timeout_ms)
{
    if (poller_.attached() && timeout_ms != 0)
        return -EINVAL;
    retired_.reset();
    forget_shown();
    event = blank(0);
    const int rc = look(event, Deadline::after(timeout_ms));
    set_alarm(); // what came beside it
    if (!own_loop_)
        load_.busy();
    return rc;
}

int Worker::look(ostler_event& event, Deadline deadline)
{
    if (poller_.attached())
        forget_readable(); // what a turn long past saw
    for (bool waited = false;; waited = true) {
        resume_if_room();
        static_cast<void>(send_rest(Deadline::after(0)));
        if (give_message(event) || give_owed(event) || give_ready(event))
            return 0;
        if (inbox_.has_lost())
            return -ENOMEM;
        if (over())
            return -EPIPE;
        if (waited && deadline.left_ms() == 0) // even if nonsense keeps coming
            return -ETIMEDOUT;
        if (const int rc = wait(deadline); rc < 0)
            return rc;
    }
}

void Worker::forget_readable()
{
    readable_ = 0;
    channel_readable_ = false;
}

// Learns what is readable.
int Worker::wait(Deadline deadline)
{
    if (poller_.attached()) { // which of them it does not say, so try all
        readable_ = watched_;
        channel_readable_ = true;
        return 0;
    }
    if (channel_.has_received()) {
        channel_readable_ = true;
        return 0;
    }
    if (!own_loop_)
        load_.idle();
    epoll_event events[16];
    const int count = poller_.wait(events, deadline);
    if (count <= 0)
        return count == 0 ? -ETIMEDOUT : count;
    for (const epoll_event& event : std::span{events}.first(static_cast<std::size_t>(count))) {
        if (event.data.u64 < places)
            readable_ |= bit(static_cast<std::uint32_t>(event.data.u64));
        else if (event.data.u64 == channel_mark)
            channel_readable_ = true;
    }
    return 0;
}

bool Worker::finished() const
{
    const bool late = drain_until_ != 0 && now_ns() >= drain_until_;
    if (phase_ == Phase::disconnecting)
        return leave_ == 0 && !outgoing_.under_way() && (load_.open() == 0 || late);
    return phase_ == Phase::draining && (load_.open() == 0 || late);
}

// What the program has to be told whether or not anything is readable.
bool Worker::give_owed(ostler_event& event)
{
    if (replaced_ != 0) {
        const auto place = static_cast<std::uint32_t>(std::countr_zero(replaced_));
        replaced_ &= ~bit(place);
        event = blank(OSTLER_REPLACED);
        event.listener = listeners_[place].number;
        event.fd = listeners_[place].fd.get();
        set_alarm();
        return true;
    }
    if (phase_ == Phase::told_to_drain) {
        const std::uint64_t now = now_ns();
        event = blank(OSTLER_DRAIN);
        if (drain_until_ > now)
            event.milliseconds = static_cast<std::uint32_t>((drain_until_ - now) / ns_per_ms);
        enter(Phase::draining);
        return true;
    }
    if (finished()) {
        event = blank(OSTLER_STOP);
        if (phase_ == Phase::disconnecting)
            end_channel();
        else
            enter(Phase::stopped);
        return true;
    }
    return false;
}

// Works off what is readable until it makes an event.
bool Worker::give_ready(ostler_event& event)
{
    while (readable_ != 0 || channel_readable_) {
        if (!channels_turn()) {
            if (give_from(pick(), event))
                return true;
            continue;
        }
        channel_readable_ = false;
        if (hear() > 0 && (give_message(event) || give_owed(event)))
            return true;
    }
    return false;
}

// Connections go first: the channel is read when none came, and now and then when they never end.
bool Worker::channels_turn()
{
    return channel_readable_ && (readable_ == 0 || ++turns_ % channel_every == 0);
}

// The next readable place after the last one that gave something.
std::uint32_t Worker::pick()
{
    const std::uint64_t after = last_place_ + 1 < places ? readable_ >> (last_place_ + 1) : 0;
    last_place_ = after != 0 ? last_place_ + 1 + static_cast<std::uint32_t>(std::countr_zero(after))
                             : static_cast<std::uint32_t>(std::countr_zero(readable_));
    return last_place_;
}

bool Worker::give_from(std::uint32_t place, ostler_event& event)
{
    readable_ &= ~bit(place); // level-triggered: if there is more, epoll says so again
    Listener& listener = listeners_[place];
    Taken taken;
    switch (listener.take(taken)) {
    case Take::got:
        give_connection(listener, static_cast<Taken&&>(taken), event);
        return true;
    case Take::no_room:
        pause();
        return false;
    case Take::ended:
        listener.source = Listener::Source::ended;
        unwatch(place);
        return false;
    case Take::nothing:
    case Take::skipped:
        return false;
    }
    return false;
}

void Worker::give_connection(const Listener& from, Taken taken, ostler_event& event)
{
    event = blank(OSTLER_CONNECTION);
    event.connection = taken.id != 0 ? taken.id : accepted_here | ++accepted_;
    event.listener = from.number;
    event.peer_size = taken.peer_size;
    std::memcpy(&event.peer, &taken.peer, taken.peer_size);
    load_.took();
    if (room_.short_after(taken.fd.borrow()))
        pause();
    event.fd = taken.fd.release();
}

int Worker::done()
{
    if (load_.open() == 0)
        return -EINVAL;
    load_.finished();
    if (phase_ == Phase::draining || phase_ == Phase::disconnecting)
        set_alarm();
    return 0;
}

} // namespace ostler::shim
