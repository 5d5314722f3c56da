// SPDX-License-Identifier: MIT
// Work that may block, away from the loop: closing descriptors that came from workers (close() of a
// lingering socket waits), making and removing files for workers, and reading a spec (user look-ups
// may ask the network). Values go in and come out; nothing is shared.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/crew.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

class OffLoop
{
public:
    explicit OffLoop(boost::asio::any_io_executor loop)
        : loop_{std::make_shared<Loop>(std::move(loop))}
    {
    }
    ~OffLoop()
    {
        const std::lock_guard lock{loop_->mutex};
        loop_->executor.reset();
    }
    OffLoop(const OffLoop&) = delete;
    OffLoop& operator=(const OffLoop&) = delete;

    void close(os::UniqueFd fd);
    void close(std::vector<os::UniqueFd> fds);

    // Runs `work` on another thread, and then `done` with its value on the loop, unless this object
    // is gone by then.
    template <typename Work, typename Done>
    void call(Work work, Done done)
    {
        auto job = std::make_shared<std::pair<Work, Done>>(std::move(work), std::move(done));
        others_.add([loop = loop_, job] {
            auto value = job->first();
            const std::lock_guard lock{loop->mutex};
            if (loop->executor)
                boost::asio::post(*loop->executor, [done = std::move(job->second),
                                                    value = std::move(value)]() mutable {
                    std::move(done)(std::move(value));
                });
        });
    }
    // Awaits what `work` returns.
    template <typename Value, typename Work>
    boost::asio::awaitable<Value> run(Work work)
    {
        auto initiate = [this](auto handler, Work job) {
            call(std::move(job), std::move(handler));
        };
        co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                       void(Value)>(
            std::move(initiate), boost::asio::use_awaitable, std::move(work));
    }

private:
    struct Loop {
        explicit Loop(boost::asio::any_io_executor loop) : executor{std::move(loop)} {}
        std::mutex mutex;
        std::optional<boost::asio::any_io_executor> executor; // until the end
    };
    std::shared_ptr<Loop> loop_;
    Crew others_{32};
    Crew closers_{32}; // a worker may make each of them wait for long
};

} // namespace ostler
