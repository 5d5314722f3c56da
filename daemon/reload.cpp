// SPDX-License-Identifier: MIT
#include "daemon/reload.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "daemon/control_access.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log_setup.hpp"
#include "daemon/rollout.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += (text.empty() ? "" : "\n") + line;
    return text;
}

} // namespace

Reload::Reload(Daemon& daemon, config::Spec next, config::Difference difference, Progress progress)
    : daemon_{daemon},
      next_{std::move(next)},
      difference_{std::move(difference)},
      progress_{std::move(progress)}
{
}

const config::Pool& Reload::wanted(const std::string& pool) const
{
    return *std::find_if(next_.pools.begin(), next_.pools.end(),
                         [&](const config::Pool& candidate) { return candidate.name == pool; });
}

awaitable<Outcome> Reload::run()
{
    if (std::string problem = daemon_.sockets_.prepare(next_, difference_); !problem.empty())
        co_return Outcome{exit_failed, problem + "; nothing was changed", {}};
    ++daemon_.generation_;
    daemon_.sockets_.commit(next_);
    change_settings();
    remove_pools();
    add_pools();
    co_await replace_pools();
    co_await until_scaled_are_settled();
    co_await until_added_are_ready();
    co_await until_removed_are_gone();
    put_pools_in_order();
    const bool watched_alike = daemon_.spec_.watch == next_.watch;
    daemon_.spec_ = std::move(next_);
    if (!watched_alike)
        daemon_.watch_spec();
    if (!problems_.empty())
        co_return Outcome{exit_failed, joined(problems_), {}};
    co_return Outcome{exit_done, "generation " + std::to_string(daemon_.generation_) + " runs", {}};
}

void Reload::change_settings()
{
    for (const std::string& name : difference_.pools_updated)
        daemon_.find_pool(name)->update(wanted(name), daemon_.generation_);
    for (const config::Difference::Scaled& scaled : difference_.pools_scaled)
        daemon_.find_pool(scaled.pool)->scale(scaled.to);
    daemon_.control_.set_access(next_.control);
    daemon_.control_socket_.set_reach(open_to_others(next_.control, ::geteuid())
                                          ? ControlSocket::Reach::everyone
                                          : ControlSocket::Reach::own);
    setup_log(next_.log);
}

void Reload::add_pools()
{
    for (const std::string& name : difference_.pools_added) {
        daemon_.pools_.push_back(daemon_.make_pool(wanted(name)));
        daemon_.pools_.back()->start();
    }
}

void Reload::remove_pools()
{
    for (const std::string& name : difference_.pools_removed)
        daemon_.find_pool(name)->stop();
}

awaitable<void> Reload::replace_pools()
{
    for (const std::string& name : difference_.pools_replaced) {
        Pool& pool = *daemon_.find_pool(name);
        auto target = std::make_shared<const config::Pool>(wanted(name));
        if (!pool.running()) { // stopped by hand: it starts with the new spec when it is started
            pool.set_spec(std::move(target), daemon_.generation_);
            continue;
        }
        const std::string problem = co_await roll_out(daemon_.services_, pool, std::move(target),
                                                      daemon_.generation_, progress_);
        pool.set_degraded({});
        if (problem.empty() || daemon_.stopping())
            continue;
        problems_.push_back("pool " + name + ": the new workers did not come up (" + problem + ")");
        if (wanted(name).rollout.on_failure == config::RolloutFailure::rollback) {
            problems_.back() += "; it went back to what ran before";
            keep_old_entry(name);
        } else {
            problems_.back() += "; it was left half done";
            pool.set_degraded("a rollout failed: " + problem);
        }
        spdlog::error("{}", problems_.back());
    }
}

// What runs is what the next difference is taken from: fixing the file and reloading tries again.
void Reload::keep_old_entry(const std::string& pool)
{
    const auto named = [&](const config::Pool& candidate) { return candidate.name == pool; };
    *std::find_if(next_.pools.begin(), next_.pools.end(), named) =
        *std::find_if(daemon_.spec_.pools.begin(), daemon_.spec_.pools.end(), named);
}

awaitable<void> Reload::until_scaled_are_settled()
{
    for (const config::Difference::Scaled& scaled : difference_.pools_scaled) {
        const Pool& pool = *daemon_.find_pool(scaled.pool);
        std::function<bool()> settled = [this, &pool] {
            const bool whole = pool.ready() || !pool.degraded().empty() || !pool.running();
            return (whole && pool.slots_in_use() <= pool.desired()) || daemon_.stopping();
        };
        co_await daemon_.changed_.wait_until(Clock::time_point::max(), std::move(settled));
    }
}

awaitable<void> Reload::until_added_are_ready()
{
    for (const std::string& name : difference_.pools_added) {
        const Pool& pool = *daemon_.find_pool(name);
        std::function<bool()> settled = [this, &pool] {
            return pool.ready() || pool.failed() || daemon_.stopping();
        };
        const auto deadline = Clock::now() + pool.spec()->ready.timeout;
        co_await daemon_.changed_.wait_until(deadline, std::move(settled));
        if (!pool.ready() && !daemon_.stopping())
            problems_.push_back(
                "pool " + name + " is not ready: " +
                (pool.degraded().empty() ? "its workers are still starting" : pool.degraded()));
    }
}

awaitable<void> Reload::until_removed_are_gone()
{
    for (const std::string& name : difference_.pools_removed) {
        const Pool& pool = *daemon_.find_pool(name);
        std::function<bool()> gone = [&pool] { return pool.empty(); };
        co_await daemon_.changed_.wait_until(Clock::time_point::max(), std::move(gone));
        daemon_.logs_->forget_pool(name);
        std::erase_if(daemon_.pools_,
                      [&](const auto& candidate) { return candidate.get() == &pool; });
    }
}

void Reload::put_pools_in_order()
{
    const auto place = [this](const std::unique_ptr<Pool>& pool) { return &wanted(pool->name()); };
    std::sort(daemon_.pools_.begin(), daemon_.pools_.end(),
              [&](const auto& one, const auto& other) { return place(one) < place(other); });
}

} // namespace ostler
