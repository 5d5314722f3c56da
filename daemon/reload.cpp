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
    daemon_.sockets_.commit(next_, daemon_.generation_);
    change_settings();
    remove_pools();
    add_pools();
    close_unneeded_sockets();
    co_await replace_pools();
    co_await until_scaled_are_settled();
    co_await until_added_are_ready();
    co_await until_removed_are_gone();
    if (daemon_.stopping())
        co_return Outcome{exit_failed, "the daemon is stopping", {}};
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
        if (daemon_.stopping())
            co_return;
        Pool& pool = *daemon_.find_pool(name);
        auto target = std::make_shared<const config::Pool>(wanted(name));
        if (!pool.running()) { // stopped by hand: it starts with the new spec when it is started
            pool.set_spec(std::move(target), daemon_.generation_);
            continue;
        }
        const std::string problem = co_await roll_out(daemon_.services_, pool, std::move(target),
                                                      daemon_.generation_, progress_);
        if (problem.empty() || daemon_.stopping())
            continue;
        problems_.push_back("pool " + name + ": the new workers did not come up (" + problem + ")");
        if (wanted(name).rollout.on_failure == config::RolloutFailure::rollback) {
            problems_.back() += "; it went back to what ran before";
            went_back_.push_back(name);
            keep_old_entry(name);
        } else {
            problems_.back() += "; it was left half done";
        }
        spdlog::error("{}", problems_.back());
    }
    give_sockets_back();
    close_unneeded_sockets();
}

// What runs is what the next difference is taken from: fixing the file and reloading tries again.
void Reload::keep_old_entry(const std::string& pool)
{
    const auto named = [&](const config::Pool& candidate) { return candidate.name == pool; };
    *std::find_if(next_.pools.begin(), next_.pools.end(), named) =
        *std::find_if(daemon_.spec_.pools.begin(), daemon_.spec_.pools.end(), named);
}

bool Reload::went_back(const std::string& pool) const
{
    return std::find(went_back_.begin(), went_back_.end(), pool) != went_back_.end();
}

bool Reload::has_new_workers(const std::string& socket) const
{
    return std::any_of(next_.pools.begin(), next_.pools.end(), [&](const config::Pool& pool) {
        const auto& sockets = pool.program.sockets;
        return !went_back(pool.name) &&
               std::find(sockets.begin(), sockets.end(), socket) != sockets.end();
    });
}

// A pool that went back has the sockets it had, also for its workers to come. Where another pool
// went on to the new one, both stay, each for its own generation.
void Reload::give_sockets_back()
{
    Sockets& sockets = daemon_.sockets_;
    for (const std::string& name : went_back_) {
        const Pool& pool = *daemon_.find_pool(name);
        for (const std::string& socket : pool.spec()->program.sockets) {
            const bool as_it_was = sockets.find(socket) == sockets.find(socket, pool.generation());
            if (as_it_was || has_new_workers(socket))
                continue;
            sockets.go_back(socket, pool.generation());
            keep_old_socket(socket);
        }
    }
}

void Reload::keep_old_socket(const std::string& socket)
{
    const auto named = [&](const config::Socket& candidate) { return candidate.name == socket; };
    const config::Socket& old = *config::find_socket(daemon_.spec_, socket);
    const auto found = std::find_if(next_.sockets.begin(), next_.sockets.end(), named);
    if (found == next_.sockets.end())
        next_.sockets.push_back(old);
    else
        *found = old;
}

void Reload::close_unneeded_sockets()
{
    Sockets::Seen needed;
    const auto note = [&](const config::Pool& pool, unsigned generation) {
        for (const std::string& socket : pool.program.sockets)
            needed.emplace(socket, generation);
    };
    for (const auto& pool : daemon_.pools_) {
        if (!pool->running())
            continue;
        note(*pool->spec(), pool->generation());
        for (const auto& slot : pool->slots())
            if (slot->holds_a_place() || slot->extra())
                note(*slot->spec(), slot->generation());
    }
    daemon_.sockets_.keep_only(needed);
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
            return pool.ready() || !pool.may_become_ready() || daemon_.stopping();
        };
        const auto deadline = Clock::now() + pool.spec()->ready.timeout;
        co_await daemon_.changed_.wait_until(deadline, std::move(settled));
        if (!pool.ready() && !daemon_.stopping())
            problems_.push_back(pool.not_ready());
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
