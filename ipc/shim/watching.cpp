// SPDX-License-Identifier: MIT
// Where a worker is in its life, and what it therefore watches.
#include <cerrno>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{
namespace
{

constexpr std::uint64_t pause_ns = 20 * ns_per_ms;
constexpr int farewell_ms = 1000; // for the rest of a message

} // namespace

Worker::~Worker()
{
    for (std::uint32_t place = 0; place < places; ++place) {
        unwatch(place);
        listeners_[place].clear();
    }
    static_cast<void>(send_rest(Deadline::after(farewell_ms)));
    forget_shown();
    poller_.forget(alarm_.descriptor());
    poller_.forget(channel_.descriptor());
}

void Worker::enter(Phase phase)
{
    phase_ = phase;
    if (phase_ != Phase::serving)
        shut_own();
    watch_sources();
    set_alarm();
}

// Nobody else takes what waits there. What the program borrowed is for it to end.
void Worker::shut_own()
{
    for (std::uint32_t place = 0; place < places; ++place)
        if (listeners_[place].own && listeners_[place].takes()) {
            unwatch(place);
            listeners_[place].shut();
        }
}

void Worker::pause()
{
    paused_ = true;
    watch_sources();
    set_alarm();
}

void Worker::resume_if_room()
{
    if (!paused_)
        return;
    paused_ = room_.short_now(channel_.descriptor());
    watch_sources();
    set_alarm();
}

// When to be woken although nothing arrives. What is owed already wakes only the program's own
// loop: ours looks for it before it waits.
void Worker::set_alarm()
{
    if (owes())
        return alarm_.set(own_loop_ ? Alarm::at_once : Alarm::off);
    if (paused_ && phase_ == Phase::serving)
        return alarm_.set(now_ns() + pause_ns);
    const bool ends = phase_ == Phase::draining || phase_ == Phase::disconnecting;
    alarm_.set(ends ? drain_until_ : Alarm::off);
}

bool Worker::owes() const
{
    return replaced_ != 0 || phase_ == Phase::told_to_drain || finished() || !inbox_.empty() ||
           channel_.has_received();
}

void Worker::runs_its_own_loop()
{
    if (own_loop_)
        return;
    own_loop_ = true;
    set_alarm(); // which it needs from now on
}

// Makes epoll's knowledge agree with ours.
void Worker::watch_sources()
{
    const bool taking = phase_ == Phase::serving && !paused_;
    for (std::uint32_t place = 0; place < places; ++place) {
        if (!taking || !listeners_[place].takes())
            unwatch(place);
        else if (watch(place) < 0)
            return pause(); // short of kernel memory or watches: like any shortage
    }
}

int Worker::watch(std::uint32_t place)
{
    if ((watched_ & bit(place)) != 0)
        return 0;
    const Listener& listener = listeners_[place];
    const auto wake =
        listener.source == Listener::Source::shared ? Poller::Wake::exclusive : Poller::Wake::all;
    const int rc = poller_.watch(listener.fd.borrow(), place, wake);
    if (rc == 0)
        watched_ |= bit(place);
    return rc;
}

void Worker::unwatch(std::uint32_t place)
{
    if ((watched_ & bit(place)) != 0)
        poller_.forget(listeners_[place].fd.borrow());
    watched_ &= ~bit(place);
    readable_ &= ~bit(place);
}

int Worker::poll_fd()
{
    if (poller_.attached())
        return -EEXIST;
    runs_its_own_loop();
    load_.idle();
    return poller_.descriptor();
}

int Worker::attach(os::FdRef epoll, std::uint64_t mark)
{
    if (poller_.attached())
        return -EEXIST;
    Poller fresh;
    fresh.attach(epoll, mark);
    int rc = over() ? -EPIPE : fresh.watch(channel_.descriptor(), channel_mark);
    if (rc < 0)
        return rc;
    rc = fresh.watch(alarm_.descriptor(), alarm_mark);
    if (rc < 0) {
        fresh.forget(channel_.descriptor());
        return rc;
    }
    poller_.attach(epoll, mark); // closes ours and with it all it knew
    watched_ = 0;
    watches_for_room_ = false;
    watch_for_room();
    watch_sources();
    runs_its_own_loop();
    load_.idle();
    return 0;
}

void Worker::busy()
{
    runs_its_own_loop();
    load_.busy();
}

void Worker::idle()
{
    runs_its_own_loop();
    load_.idle();
}

const Listener* Worker::find(std::uint32_t number) const
{
    for (const Listener& listener : listeners_)
        if (listener.source != Listener::Source::none && listener.number == number)
            return &listener;
    return nullptr;
}

Listener* Worker::find(std::uint32_t number)
{
    for (Listener& listener : listeners_)
        if (listener.source != Listener::Source::none && listener.number == number)
            return &listener;
    return nullptr;
}

int Worker::lend(std::uint32_t number)
{
    Listener* listener = find(number);
    if (listener == nullptr)
        return -EINVAL;
    if (listener->source == Listener::Source::queue || listener->source == Listener::Source::ended)
        return -EOPNOTSUPP;
    unwatch(static_cast<std::uint32_t>(listener - listeners_));
    listener->source = Listener::Source::lent;
    return listener->fd.get();
}

} // namespace ostler::shim
