// SPDX-License-Identifier: MIT
// "Something changed": coroutines wait here until what they hope for is true, or their deadline has
// come.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>

namespace ostler
{

class Condition
{
public:
    using Clock = std::chrono::steady_clock;
    explicit Condition(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    // Everyone who waits looks again, from the loop.
    void notify()
    {
        for (boost::asio::steady_timer* waiter : waiters_)
            waiter->cancel();
    }

    // True as soon as `holds`, false at the deadline. `holds` is asked once at once, and after each
    // notify().
    boost::asio::awaitable<bool> wait_until(Clock::time_point deadline,
                                            std::function<bool()> holds);

private:
    using Waiters = std::list<boost::asio::steady_timer*>;
    struct Leave { // also when the coroutine is destroyed or cancelled
        Waiters& waiters;
        Waiters::iterator place;
        ~Leave() { waiters.erase(place); }
    };
    boost::asio::any_io_executor executor_;
    Waiters waiters_;
};

} // namespace ostler
