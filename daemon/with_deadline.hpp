// SPDX-License-Identifier: MIT
// Awaits something, but no longer than it may take: what is late is cancelled, and has ended when
// this returns. Asio 1.26 has no cancel_after yet.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace ostler
{

// The value, or nothing when the deadline came first. Exceptions of `work` pass through.
template <typename T>
boost::asio::awaitable<std::optional<T>> with_deadline(boost::asio::awaitable<T> work,
                                                       boost::asio::steady_timer::time_point until)
{
    namespace asio = boost::asio;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, until};
    auto working = asio::co_spawn(executor, std::move(work), asio::deferred);
    auto waiting = timer.async_wait(asio::deferred);
    auto race = asio::experimental::make_parallel_group(std::move(working), waiting);
    auto [order, failure, value, timed] =
        co_await race.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 1 && !timed)
        co_return std::nullopt;
    if (failure)
        std::rethrow_exception(failure);
    co_return std::move(value);
}

// The same for work without a value: whether it was done in time.
inline boost::asio::awaitable<bool> then_true(boost::asio::awaitable<void> work)
{
    co_await std::move(work);
    co_return true;
}
inline boost::asio::awaitable<bool> with_deadline(boost::asio::awaitable<void> work,
                                                  boost::asio::steady_timer::time_point until)
{
    auto telling = then_true(std::move(work));
    const auto done = co_await with_deadline(std::move(telling), until);
    co_return done.has_value();
}

} // namespace ostler
