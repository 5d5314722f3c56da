// SPDX-License-Identifier: MIT
#include "daemon/commands.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "daemon/daemon.hpp"
#include "daemon/rollout.hpp"
#include "daemon/status.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

template <typename T>
using awaitable = boost::asio::awaitable<T>;

const Outcome daemon_stops{exit_failed, "the daemon is stopping", {}};

template <typename Number>
std::optional<Number> number_in(std::string_view text)
{
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return number;
}

} // namespace

Commands::Commands(Daemon& daemon, std::shared_ptr<const ControlScope> scope)
    : daemon_{daemon},
      scope_{std::move(scope)},
      own_turns_{daemon.services().changed, &daemon.turns()},
      own_fork_turns_{daemon.services().changed, &daemon.fork_turns()}
{
}

Turns& Commands::turns()
{
    return scope_ ? own_turns_ : daemon_.turns();
}

Turns& Commands::fork_turns()
{
    return scope_ ? own_fork_turns_ : daemon_.fork_turns();
}

std::unique_ptr<Operations> Commands::within(std::shared_ptr<const ControlScope> scope)
{
    return std::make_unique<Commands>(daemon_, std::move(scope));
}

Pool* Commands::find_pool(const std::string& name) const
{
    return !scope_ || scope_->covers(name) ? daemon_.find_pool(name) : nullptr;
}

std::vector<Pool*> Commands::pools() const
{
    std::vector<Pool*> seen;
    for (const auto& pool : daemon_.pools())
        if (!scope_ || scope_->covers(pool->name()))
            seen.push_back(pool.get());
    return seen;
}

bool Commands::ready() const
{
    return scope_ ? std::ranges::all_of(pools(), &Pool::ready) : daemon_.ready();
}

bool Commands::may_become_ready() const
{
    return scope_ ? std::ranges::all_of(pools(), &Pool::may_become_ready)
                  : daemon_.may_become_ready();
}

Outcome Commands::not_for_controllers(const std::string& what) const
{
    std::string names;
    for (const std::string& pool : scope_->pools)
        names += (names.empty() ? "" : ", ") + pool;
    return {exit_not_permitted,
            "controller " + scope_->label + " may not " + what +
                ": it administers these pools alone: " + names,
            {}};
}

Outcome Commands::status(std::optional<std::string> pool)
{
    if (pool && !find_pool(*pool))
        return {exit_failed, unknown(*pool), {}};
    return {exit_done, {}, status_of(daemon_, pool, scope_.get())};
}

awaitable<Outcome> Commands::wait_ready(Progress)
{
    std::function<bool()> settled = [this] {
        return ready() || daemon_.stopping() || !may_become_ready();
    };
    co_await daemon_.services().changed.wait_until(Clock::time_point::max(), std::move(settled));
    if (ready())
        co_return Outcome{exit_done, "ready", {}};
    if (daemon_.stopping())
        co_return daemon_stops;
    for (const Pool* pool : pools())
        if (!pool->may_become_ready())
            co_return Outcome{exit_failed, pool->not_ready(), {}};
    co_return Outcome{exit_failed, "not ready", {}};
}

awaitable<Outcome> Commands::reload(bool dry_run, Progress progress)
{
    if (scope_)
        co_return not_for_controllers("reload the daemon");
    const auto wish = dry_run ? Daemon::Wish::show : Daemon::Wish::apply;
    co_return co_await daemon_.reload(wish, std::move(progress));
}

awaitable<Outcome> Commands::stop_pool(std::string name, Haste haste, Progress)
{
    // Haste has no time for its turn: what changes this pool just now gives up as it stops.
    if (Pool* pool = find_pool(name); pool && haste == Haste::now)
        pool->hurry();
    const Turns::Turn turn = co_await turns().take();
    Pool* pool = find_pool(name);
    if (!pool)
        co_return Outcome{exit_failed, unknown(name), {}};
    pool->stop();
    std::function<bool()> gone = [pool] { return pool->empty(); };
    co_await daemon_.services().changed.wait_until(Clock::time_point::max(), std::move(gone));
    co_return Outcome{exit_done, "pool " + name + " is stopped", {}};
}

// A worker that did not come up is told at once; it is tried again all the same.
awaitable<Outcome> Commands::until_ready(std::string name, std::string done)
{
    Pool* pool = find_pool(name);
    std::function<bool()> settled = [this, pool] {
        return pool->ready() || !pool->down().empty() || daemon_.stopping();
    };
    const auto deadline = Clock::now() + pool->spec()->ready.timeout;
    co_await daemon_.services().changed.wait_until(deadline, std::move(settled));
    if (daemon_.stopping())
        co_return daemon_stops;
    if (!pool->ready())
        co_return Outcome{exit_failed, pool->not_ready(), {}};
    co_return Outcome{exit_done, std::move(done), {}};
}

awaitable<Outcome> Commands::start_pool(std::string name, Progress)
{
    const Turns::Turn turn = co_await turns().take();
    Pool* pool = find_pool(name);
    if (!pool)
        co_return Outcome{exit_failed, unknown(name), {}};
    if (daemon_.stopping())
        co_return daemon_stops;
    pool->start();
    std::string done = "pool " + name + " is ready";
    co_return co_await until_ready(name, std::move(done));
}

awaitable<Outcome> Commands::scale(std::string name, unsigned workers, Progress)
{
    const Turns::Turn turn = co_await turns().take();
    Pool* pool = find_pool(name);
    if (!pool)
        co_return Outcome{exit_failed, unknown(name), {}};
    if (daemon_.stopping())
        co_return daemon_stops;
    const unsigned before = pool->desired();
    pool->scale(workers);
    std::string done = "pool " + name + ": " + std::to_string(before) + " → " +
                       std::to_string(workers) + " workers";
    if (!pool->running()) {
        done += ", when it is started";
        co_return Outcome{exit_done, std::move(done), {}};
    }
    std::function<bool()> shrunk = [pool] { return pool->slots_in_use() <= pool->desired(); };
    co_await daemon_.services().changed.wait_until(Clock::time_point::max(), std::move(shrunk));
    co_return co_await until_ready(name, std::move(done));
}

Commands::Place Commands::find(const std::string& name) const
{
    if (Pool* pool = find_pool(name))
        return {pool, std::nullopt};
    const std::size_t slash = name.find('/');
    if (slash != std::string::npos) {
        Pool* pool = find_pool(name.substr(0, slash));
        const auto index = number_in<unsigned>(std::string_view{name}.substr(slash + 1));
        if (pool && index && pool->slot_at(*index) && pool->slot_at(*index)->in_use())
            return {pool, index};
    }
    if (const auto id = number_in<WorkerId>(name))
        for (Pool* pool : pools())
            if (const Slot* slot = pool->slot_of(*id))
                return {pool, slot->index()};
    return {};
}

std::string Commands::unknown(const std::string& name) const
{
    std::string names;
    for (const Pool* pool : pools())
        names += (names.empty() ? "" : ", ") + pool->name();
    return "there is no pool or worker \"" + name +
           "\"; the pools are: " + (names.empty() ? "none" : names);
}

awaitable<std::string> Commands::restart_pool(std::string name, Progress progress)
{
    Pool* pool = find_pool(name);
    if (!pool->running() || pool->failed() || pool->ready_count() == 0) {
        // Nothing serves that could be lost: all at once.
        pool->set_degraded({});
        for (const auto& slot : pool->slots())
            if (slot->holds_a_place())
                slot->renew(pool->spec(), pool->generation());
        pool->start();
        std::string done;
        Outcome outcome = co_await until_ready(name, std::move(done));
        co_return outcome.message;
    }
    co_return co_await roll_out(daemon_.services(), *pool, pool->spec(), pool->generation(),
                                std::move(progress));
}

awaitable<std::string> Commands::restart_slot(std::string name, unsigned slot, Progress progress)
{
    Pool* pool = find_pool(name);
    co_return co_await roll_slot(daemon_.services(), *pool, slot, std::move(progress));
}

awaitable<Outcome> Commands::restart(std::optional<std::string> pool_or_worker, Progress progress)
{
    const Turns::Turn turn = co_await turns().take();
    if (daemon_.stopping())
        co_return daemon_stops;
    std::vector<std::string> names;
    std::string problem;
    std::string left; // stopped by hand, and left so
    if (!pool_or_worker) {
        for (const Pool* pool : pools())
            if (pool->running())
                names.push_back(pool->name());
            else
                left += (left.empty() ? "; left stopped: " : ", ") + pool->name();
    } else {
        const Place place = find(*pool_or_worker);
        if (!place.pool)
            co_return Outcome{exit_failed, unknown(*pool_or_worker), {}};
        if (place.slot)
            problem = co_await restart_slot(place.pool->name(), *place.slot, progress);
        else
            names.push_back(place.pool->name());
    }
    for (std::size_t i = 0; i < names.size() && problem.empty(); ++i) {
        if (daemon_.stopping()) // what was drained stays down
            co_return daemon_stops;
        problem = co_await restart_pool(names[i], progress);
    }
    if (!problem.empty())
        co_return Outcome{exit_failed, std::move(problem), {}};
    co_return Outcome{exit_done, "restarted " + pool_or_worker.value_or("every pool") + left, {}};
}

// --- Single workers. ---

Slot* Commands::find_worker(const std::string& worker, std::string& problem) const
{
    const Place place = find(worker);
    Slot* slot = place.pool && place.slot ? place.pool->slot_at(*place.slot) : nullptr;
    if (slot && slot->worker())
        return slot;
    problem = slot         ? "worker " + slot->label() + " is not running"
              : place.pool ? "\"" + worker + "\" is a pool: name a worker, by its id or as " +
                                 worker + "/SLOT"
                           : "there is no worker \"" + worker + "\"";
    return nullptr;
}

Outcome Commands::disconnect(std::string worker, std::optional<int> signal)
{
    std::string problem;
    Slot* slot = find_worker(worker, problem);
    if (!slot)
        return {exit_failed, std::move(problem), {}};
    const WorkerId id = slot->worker()->id();
    slot->disconnect(signal);
    return {exit_done,
            "worker " + slot->label() + " drains and is not started again",
            {{"worker", id}}};
}

Outcome Commands::kill(std::string worker, int signal)
{
    std::string problem;
    Slot* slot = find_worker(worker, problem);
    if (!slot)
        return {exit_failed, std::move(problem), {}};
    slot->signal_worker(signal);
    return {exit_done,
            "worker " + slot->label() + " was sent " + signal_name(signal),
            {{"worker", slot->worker()->id()}}};
}

// None where there is no such pool or worker; one that does not run has no mailbox.
std::vector<ipc::Destination>
Commands::destinations(const std::optional<std::string>& pool_or_worker) const
{
    using wire::native::To;
    if (!pool_or_worker && !scope_)
        return {{To::all, 0, {}}};
    std::vector<ipc::Destination> found;
    if (!pool_or_worker) {
        for (const Pool* pool : pools())
            found.push_back({To::pool, 0, pool->name()});
        return found;
    }
    const Place place = find(*pool_or_worker);
    if (place.slot) {
        const Worker* worker = place.pool->slot_at(*place.slot)->worker();
        found.push_back({To::worker, worker ? worker->id() : 0, {}});
    } else if (place.pool) {
        found.push_back({To::pool, 0, place.pool->name()});
    }
    return found;
}

Outcome Commands::send(std::optional<std::string> pool_or_worker, const ipc::Message& message)
{
    const auto to = destinations(pool_or_worker);
    if (to.empty())
        return {
            exit_failed, unknown(pool_or_worker.value_or("")), {{"sent", 0}, {"errno", "ESRCH"}}};
    unsigned sent = 0;
    ipc::Refusal refusal;
    for (const ipc::Destination& one : to) {
        const Post::Outcome done = daemon_.services().post.send_to(one, message);
        if (const auto* refused = std::get_if<ipc::Refusal>(&done))
            refusal = *refused;
        else
            sent += std::get<unsigned>(done);
    }
    if (sent == 0)
        return {exit_failed,
                refusal.reason,
                {{"sent", 0}, {"errno", ::strerrorname_np(refusal.error)}}};
    return {exit_done,
            "sent to " + std::to_string(sent) + (sent == 1 ? " worker" : " workers"),
            {{"sent", sent}}};
}

Outcome Commands::stop_daemon(Haste haste)
{
    if (scope_)
        return not_for_controllers("stop the daemon");
    daemon_.stop();
    if (haste == Haste::now)
        daemon_.hurry();
    return {exit_done, "stopping", {{"keeper_pid", daemon_.keeper_pid()}}};
}

} // namespace ostler
