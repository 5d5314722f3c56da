// SPDX-License-Identifier: MIT
#include "daemon/condition.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ostler
{

boost::asio::awaitable<bool> Condition::wait_until(Clock::time_point deadline,
                                                   std::function<bool()> holds)
{
    boost::asio::steady_timer timer{executor_};
    const auto place = waiters_.insert(waiters_.end(), &timer);
    const Leave leave{waiters_, place};
    while (!holds()) {
        if (Clock::now() >= deadline)
            co_return false;
        timer.expires_at(deadline);
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    co_return true;
}

} // namespace ostler
