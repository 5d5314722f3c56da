// SPDX-License-Identifier: MIT
// Work that may block, away from the loop: closing descriptors that came from workers (close() of a
// lingering socket waits), and reading a spec (user look-ups may ask the network). Values go in and
// come out; nothing is shared.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "ipc/os/fd.hpp"

namespace ostler
{

class OffLoop
{
public:
    explicit OffLoop(boost::asio::any_io_executor loop) : loop_{std::move(loop)} {}
    ~OffLoop() { threads_.join(); }

    void close(os::UniqueFd fd)
    {
        if (fd.valid())
            boost::asio::post(threads_, [fd = std::move(fd)]() mutable { fd.reset(); });
    }
    void close(std::vector<os::UniqueFd> fds)
    {
        boost::asio::post(threads_, [fds = std::move(fds)]() mutable { fds.clear(); });
    }

    // Awaits what `work` returns; it runs on another thread, its result arrives on the loop.
    template <typename Value, typename Work>
    boost::asio::awaitable<Value> run(Work work)
    {
        auto initiate = [this](auto handler, Work job) {
            // Shared, as a handler of a posted function must be copyable for some executors.
            auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
            boost::asio::post(threads_, [this, waiting, job = std::move(job),
                                         guard = boost::asio::make_work_guard(loop_)]() mutable {
                auto value = std::make_shared<Value>(job());
                boost::asio::post(
                    loop_, [waiting, value]() mutable { std::move (*waiting)(std::move(*value)); });
            });
        };
        co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                       void(Value)>(
            std::move(initiate), boost::asio::use_awaitable, std::move(work));
    }

private:
    boost::asio::any_io_executor loop_;
    boost::asio::thread_pool threads_{2};
};

} // namespace ostler
