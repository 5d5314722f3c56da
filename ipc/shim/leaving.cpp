// SPDX-License-Identifier: MIT
// How the worker goes by its own will, at once or when its connections have ended.
#include <cerrno>
#include <cstdlib>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

using wire::native::Type;

namespace
{

constexpr int patience_ms = 1000; // with a master that does not answer

} // namespace

// However it ends, we are out of the pool afterwards.
int Worker::leave(Deadline deadline)
{
    if (over())
        return -EPIPE;
    going_ = true;
    static_cast<void>(send_rest(deadline));
    enter(Phase::leaving);
    const int rc = ask(requests_.add(Type::leave), deadline);
    end_channel();
    return rc;
}

// Told at once, so that others get what waits for us; the channel ends with our last connection.
int Worker::disconnect()
{
    if (going_ || over())
        return phase_ == Phase::gone ? -EPIPE : 0;
    Request* leave = requests_.add(Type::leave);
    if (leave == nullptr)
        return -EBUSY;
    going_ = true;
    drain_until_ = 0; // there is no hurry
    leave_ = leave->id;
    enter(Phase::disconnecting);
    leave->state = Request::State::abandoned; // nobody waits here
    const int rc = put(*leave, Deadline::after(patience_ms));
    return rc == -EPIPE ? rc : 0;
}

int Worker::kill()
{
    if (!over())
        static_cast<void>(leave(Deadline::after(patience_ms)));
    std::exit(0);
}

void Worker::end_channel()
{
    if (phase_ != Phase::gone)
        enter(Phase::left);
    poller_.forget(channel_.descriptor());
    channel_.close();
}

void Worker::on_left(Packet& packet)
{
    Request* leave = requests_.unanswered(packet.header.request, Type::leave);
    if (leave == nullptr)
        return;
    if (leave->id == leave_)
        leave_ = 0;
    Requests::answer(*leave, 0);
    set_alarm();
}

// 1: somebody wanted it to go. 0: its master is gone without that. -1: neither is so yet.
int Worker::exited_after_disconnect() const
{
    if (going_)
        return 1;
    return phase_ == Phase::gone ? 0 : -1;
}

} // namespace ostler::shim
