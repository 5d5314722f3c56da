// SPDX-License-Identifier: MIT
#include "daemon/lane.hpp"

#include <algorithm>
#include <utility>

namespace ostler
{

Lane::Lane(Queue queue, std::uint64_t number, IntakeOwner& owner, const LoadPage* page,
           Readiness& readiness)
    : queue_{std::move(queue)}, number_{number}, owner_{owner}, page_{page}, readiness_{readiness}
{
}

bool Lane::has_room()
{
    if (full_ || route_ != Route::open)
        return false;
    // Asking the kernel costs a call, and the bound is right three times out of four.
    if (at_most_waiting_ < Queue::depth || waiting() < Queue::depth)
        return true;
    found_full();
    return false;
}

void Lane::found_full()
{
    full_ = true;
    full_since_ = Clock::now();
    readiness_.change(queue_.near(), number_, Readiness::Want::room_once);
}

bool Lane::busy(Clock::time_point now) const
{
    return page_ != nullptr && page_->busy_for(now) > busy_limit;
}

bool Lane::coming(Clock::time_point now)
{
    return full_ && route_ == Route::open && page_ != nullptr && now - full_since_ < busy_limit &&
           page_->busy_for(now) == Clock::duration::zero() && !doubted(now);
}

bool Lane::doubted(Clock::time_point now)
{
    return doubted_ && (now < rests_until_ || waiting() > 0);
}

bool Lane::willing(Clock::time_point now)
{
    return !busy(now) && !doubted(now) && has_room();
}

int Lane::offer(const wire::native::Connection& packet, os::FdRef connection, Clock::time_point now)
{
    const int error = queue_.offer(packet, connection);
    if (error != 0)
        return error;
    sent_at_[sent_++ % sent_at_.size()] = now;
    ++at_most_waiting_;
    return 0;
}

unsigned Lane::waiting()
{
    if (at_most_waiting_ == 0)
        return 0;
    at_most_waiting_ = queue_.waiting();
    if (doubted_ && !retrieving_ && passed() - at_most_waiting_ > taken_before_doubt_)
        doubted_ = false;
    return at_most_waiting_;
}

bool Lane::overdue(Clock::time_point now)
{
    // They leave in the order in which they came, so the oldest is that many back.
    const std::uint64_t back = std::min<std::uint64_t>(waiting(), sent_at_.size());
    return back > 0 && now - sent_at_[(sent_ - back) % sent_at_.size()] >= untaken_limit;
}

void Lane::doubt(Clock::time_point now)
{
    if (!doubted_)
        taken_before_doubt_ = passed() - at_most_waiting_;
    doubted_ = true;
    rests_until_ = now + rest;
}

void Lane::retrieved(std::size_t count)
{
    retrieving_ = false;
    retrieved_ += count;
}

} // namespace ostler
