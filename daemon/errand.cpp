// SPDX-License-Identifier: MIT
#include "daemon/errand.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <utility>

#include "daemon/signals_blocked.hpp"

namespace ostler
{
namespace asio = boost::asio;

ErrandRunner::ErrandRunner(asio::execution_context& context)
    : asio::execution_context::service{context}
{
}

void ErrandRunner::run(std::unique_ptr<Errand> errand, const asio::any_io_executor& home,
                       std::function<void(std::unique_ptr<Errand>)> done)
{
    if (!pool_) {
        const SignalsBlocked blocked;
        pool_ = std::make_unique<asio::thread_pool>(threads);
    }
    // The loop must not run dry before the answer is there.
    auto busy_home = asio::prefer(home, asio::execution::outstanding_work.tracked);
    asio::post(*pool_, [errand = std::move(errand), busy_home = std::move(busy_home),
                        done = std::move(done)]() mutable {
        errand->starved = !take_back(*errand->queue, errand->at_most, errand->found);
        asio::post(busy_home, [errand = std::move(errand), done = std::move(done)]() mutable {
            done(std::move(errand));
        });
    });
}

void ErrandRunner::close(os::UniqueFd fd)
{
    if (!closer_)
        closer_ = std::make_unique<Closer>();
    closer_->close(std::move(fd));
}

void ErrandRunner::shutdown()
{
    closer_.reset();
    if (pool_)
        pool_->join();
    pool_.reset();
}

ErrandRunner& errand_runner(const asio::any_io_executor& executor)
{
    return asio::use_service<ErrandRunner>(asio::query(executor, asio::execution::context));
}

} // namespace ostler
