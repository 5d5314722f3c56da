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

#include "daemon/closer.hpp"
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

    void close(os::UniqueFd fd) { closer_.close(std::move(fd)); }
    void close(std::vector<os::UniqueFd> fds) { closer_.close(std::move(fds)); }

    // For a worker, who may have seen to it that this never ends. Runs `work` on another thread,
    // and then `done` with its value on the loop, unless this object is gone by then.
    template <typename Work, typename Done>
    void call(Work work, Done done)
    {
        start(for_workers_, std::move(work), std::move(done));
    }

    // For ourselves. Awaits what `work` returns.
    template <typename Value, typename Work>
    boost::asio::awaitable<Value> run(Work work)
    {
        auto initiate = [this](auto handler, Work job) {
            start(ours_, std::move(job), std::move(handler));
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

    template <typename Work, typename Done>
    void start(Crew& crew, Work work, Done done)
    {
        auto job = std::make_shared<std::pair<Work, Done>>(std::move(work), std::move(done));
        crew.add([loop = loop_, job] {
            auto value = job->first();
            const std::lock_guard lock{loop->mutex};
            if (loop->executor)
                boost::asio::post(*loop->executor, [done = std::move(job->second),
                                                    value = std::move(value)]() mutable {
                    std::move(done)(std::move(value));
                });
        });
    }
    std::shared_ptr<Loop> loop_;
    Crew ours_{2};
    Crew for_workers_{32};
    Closer closer_;
};

} // namespace ostler
