// SPDX-License-Identifier: MIT
#include "daemon/for_ever.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ostler
{

boost::asio::awaitable<void> for_ever()
{
    boost::asio::steady_timer never{co_await boost::asio::this_coro::executor,
                                    boost::asio::steady_timer::time_point::max()};
    co_await never.async_wait(boost::asio::use_awaitable);
}

} // namespace ostler
