// SPDX-License-Identifier: MIT
// What listeners do off the loop's thread. Taking back from a queue: a worker that faults while it
// receives holds the socket's lock, and whoever reads the kept end then sleeps until that worker is
// dead. And closing connections that a worker has had, if they linger.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/closer.hpp"
#include "daemon/queue.hpp"

namespace ostler
{

struct Errand {
    std::shared_ptr<const QueueEnds> queue;
    std::size_t at_most = 1;
    std::vector<TakenBack> found;
    bool starved = false; // descriptors ran short; there is more
};

// One for each execution context, shared by its listeners; has no threads before the first errand.
class ErrandRunner final : public boost::asio::execution_context::service
{
public:
    using key_type = ErrandRunner;
    static inline boost::asio::execution_context::id id;

    explicit ErrandRunner(boost::asio::execution_context& context);
    // `done` is called on `home`.
    void run(std::unique_ptr<Errand> errand, const boost::asio::any_io_executor& home,
             std::function<void(std::unique_ptr<Errand>)> done);

    void close(os::UniqueFd fd);

private:
    void shutdown() override;
    // Two, so that one stuck worker does not keep the connections of all others from being moved.
    static constexpr std::size_t threads = 2;
    std::unique_ptr<boost::asio::thread_pool> pool_;
    std::unique_ptr<Closer> closer_;
};

[[nodiscard]] ErrandRunner& errand_runner(const boost::asio::any_io_executor& executor);

} // namespace ostler
