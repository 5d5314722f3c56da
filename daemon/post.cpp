// SPDX-License-Identifier: MIT
#include "daemon/post.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ostler
{

using ipc::Delivery;
using wire::native::From;
using wire::native::To;

namespace
{

// When nobody got it.
ipc::Refusal refusal_for(bool full, bool too_long)
{
    if (full)
        return {ENOBUFS, "too much waits for the recipient already: it does not read"};
    if (too_long)
        return {EMSGSIZE, "the message is longer than the recipient's pool allows"};
    return {ESRCH, "there is no such recipient"};
}

} // namespace

void Post::open(const Author& owner, Mailbox& mailbox)
{
    boxes_.insert_or_assign(owner.worker, Box{owner.pool, &mailbox});
}

void Post::close(std::uint64_t worker)
{
    boxes_.erase(worker);
}

void Post::subscribe(Subscriber& subscriber)
{
    subscribers_.push_back(&subscriber);
}

void Post::unsubscribe(Subscriber& subscriber)
{
    std::erase(subscribers_, &subscriber);
}

Post::Outcome Post::carry(const Author& from, const ipc::Destination& to, ipc::Message message)
{
    Outcome outcome = to.to == To::controllers
                          ? tell_subscribers(from, message)
                          : distribute({From::worker, from.worker, from.pool}, to, message);
    off_loop_.close(std::move(message.handle));
    return outcome;
}

Post::Outcome Post::send_to(const ipc::Destination& to, const ipc::Message& message)
{
    return distribute({}, to, message);
}

Post::Outcome Post::tell_subscribers(const Author& from, const ipc::Message& message)
{
    unsigned told = 0;
    bool full = false;
    for (Subscriber* subscriber : std::vector{subscribers_}) {
        if (std::ranges::count(subscribers_, subscriber) == 0)
            continue; // left meanwhile
        const Delivery delivery = subscriber->heard(from, message);
        told += delivery == Delivery::sent ? 1u : 0u;
        full = full || delivery == Delivery::full;
    }
    if (told != 0)
        return told;
    lost_handles_ += message.handle.valid() ? 1u : 0u;
    return full ? refusal_for(true, false) : ipc::Refusal{ESRCH, "no controller listens"};
}

Post::Outcome Post::distribute(const ipc::Sender& from, const ipc::Destination& to,
                               const ipc::Message& message)
{
    unsigned sent = 0;
    bool full = false;
    bool too_long = false;
    for (Mailbox* mailbox : boxes_of(from, to)) {
        const Delivery delivery = mailbox->deliver(from, message);
        sent += delivery == Delivery::sent ? 1u : 0u;
        full = full || delivery == Delivery::full;
        too_long = too_long || delivery == Delivery::too_long;
    }
    if (sent == 0)
        return refusal_for(full, too_long);
    return sent;
}

// A pool, or all, are the others: nobody hears itself, unless it asks for that by its number.
std::vector<Post::Mailbox*> Post::boxes_of(const ipc::Sender& from,
                                           const ipc::Destination& to) const
{
    std::vector<Mailbox*> found;
    for (const auto& [worker, box] : boxes_) {
        const bool other = from.from != From::worker || worker != from.worker;
        const bool meant = to.to == To::worker ? worker == to.worker
                           : to.to == To::pool ? other && box.pool == to.pool
                                               : other && to.to == To::all;
        if (meant)
            found.push_back(box.mailbox);
    }
    return found;
}

} // namespace ostler
