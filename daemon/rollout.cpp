// SPDX-License-Identifier: MIT
#include "daemon/rollout.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace ostler
{
namespace
{

using boost::asio::awaitable;
using Target = std::shared_ptr<const config::Pool>;

enum class Proof { ready, healthy }; // what is asked of a new worker before its predecessor goes

class Rollout
{
public:
    Rollout(Services& services, Pool& pool, Progress progress)
        : services_{services}, pool_{pool}, progress_{std::move(progress)}
    {
    }

    awaitable<std::string> all(Target target, unsigned generation);
    awaitable<std::string> one(unsigned old, Target target, unsigned generation, Proof proof);
    awaitable<void> until_old_are_gone();

private:
    awaitable<std::string> beside(unsigned old, Target target, unsigned generation, Proof proof);
    awaitable<std::string> in_place(unsigned old, Target target, unsigned generation, Proof proof);
    awaitable<bool> room(unsigned surge);
    awaitable<std::string> proven(unsigned fresh, WorkerId before, Proof proof);
    awaitable<void> go_back(Target before, unsigned generation);
    void give_up(Slot& fresh);
    [[nodiscard]] std::string trouble(const Slot& fresh) const;
    void say(const std::string& sentence) const
    {
        if (progress_)
            progress_(sentence);
    }

    Services& services_;
    Pool& pool_;
    Progress progress_;
    std::vector<unsigned> changed_; // slots of the target, the latest last
};

std::vector<unsigned> slots_with_a_place(Pool& pool)
{
    std::vector<unsigned> indexes;
    for (const auto& slot : pool.slots())
        if (slot->holds_a_place())
            indexes.push_back(slot->index());
    return indexes;
}

awaitable<std::string> Rollout::all(Target target, unsigned generation)
{
    const Target before = pool_.spec();
    const unsigned generation_before = pool_.generation();
    const Pool::Surge surge{pool_, std::max(target->rollout.surge, before->rollout.surge)};
    const bool another = before != target; // `restart` has nothing to go back to
    pool_.set_spec(target, generation);
    for (const unsigned old : slots_with_a_place(pool_)) {
        const Proof proof = changed_.empty() ? Proof::healthy : Proof::ready;
        std::string problem = co_await one(old, target, generation, proof);
        if (problem.empty()) {
            say("pool " + pool_.name() + ": " + std::to_string(changed_.size()) + " of " +
                std::to_string(pool_.desired()) + " workers replaced");
            continue;
        }
        if (another && target->rollout.on_failure == config::RolloutFailure::stop)
            pool_.set_degraded("a rollout failed: " + problem);
        else if (another)
            co_await go_back(before, generation_before);
        co_return problem;
    }
    pool_.set_degraded({});
    co_await until_old_are_gone();
    co_return std::string{};
}

// The latest first: with surge 0 it is the one that is down.
awaitable<void> Rollout::go_back(Target before, unsigned generation)
{
    pool_.set_spec(before, generation);
    const std::vector<unsigned> changed{changed_.rbegin(), changed_.rend()};
    spdlog::warn("pool {}: going back to generation {}  replaced={}", pool_.name(), generation,
                 changed.size());
    say("pool " + pool_.name() + ": going back to what ran before");
    for (const unsigned slot : changed) {
        if (!pool_.running() || !pool_.slot_at(slot)->holds_a_place())
            continue;
        const std::string problem = co_await one(slot, before, generation, Proof::ready);
        if (!problem.empty())
            spdlog::error("pool {}: what ran before does not come up either: {}", pool_.name(),
                          problem);
    }
    co_await until_old_are_gone();
}

awaitable<std::string> Rollout::one(unsigned old, Target target, unsigned generation, Proof proof)
{
    const Slot& slot = *pool_.slot_at(old);
    if (!slot.holds_a_place())
        co_return std::string{};
    const bool alone = target->rollout.surge == 0 || slot.state() != SlotState::running;
    if (alone)
        co_return co_await in_place(old, std::move(target), generation, proof);
    co_return co_await beside(old, std::move(target), generation, proof);
}

// The predecessor goes first, or there is none.
awaitable<std::string> Rollout::in_place(unsigned old, Target target, unsigned generation,
                                         Proof proof)
{
    Slot& slot = *pool_.slot_at(old);
    const WorkerId before = slot.worker() ? slot.worker()->id() : 0;
    changed_.push_back(old);
    slot.renew(std::move(target), generation);
    co_return co_await proven(old, before, proof);
}

awaitable<std::string> Rollout::beside(unsigned old, Target target, unsigned generation,
                                       Proof proof)
{
    const bool free = co_await room(target->rollout.surge);
    if (!free)
        co_return "pool " + pool_.name() + " was stopped";
    const unsigned fresh = pool_.free_slot(target->program).index();
    pool_.slot_at(fresh)->start(std::move(target), generation);
    std::string problem = co_await proven(fresh, 0, proof);
    if (!problem.empty()) {
        give_up(*pool_.slot_at(fresh));
        co_return problem;
    }
    changed_.push_back(fresh);
    pool_.slot_at(old)->retire();
    co_return std::string{};
}

// Its place is wanted by what comes instead. A pool that was stopped drains what it has.
void Rollout::give_up(Slot& fresh)
{
    if (!pool_.running())
        return;
    fresh.hurry();
    fresh.retire();
}

// Until one of the n + surge slots is free: those that drain hold theirs.
awaitable<bool> Rollout::room(unsigned surge)
{
    std::function<bool()> free = [this, surge] {
        return !pool_.running() || pool_.slots_in_use() < pool_.desired() + surge;
    };
    co_await services_.changed.wait_until(Clock::time_point::max(), std::move(free));
    co_return pool_.running();
}

std::string Rollout::trouble(const Slot& fresh) const
{
    if (!pool_.running())
        return "pool " + pool_.name() + " was stopped";
    if (fresh.fault())
        return "worker " + fresh.label() + ": " + describe(*fresh.fault());
    return {};
}

awaitable<std::string> Rollout::proven(unsigned fresh, WorkerId before, Proof proof)
{
    Slot& slot = *pool_.slot_at(fresh);
    const config::Rollout& rules = pool_.spec()->rollout;
    const auto replaced = [&slot, before] {
        return slot.worker() && slot.worker()->id() != before;
    };
    std::function<bool()> decided = [this, &slot, replaced] {
        return (replaced() && slot.ready()) || !trouble(slot).empty();
    };
    // A predecessor in the same place has the time of its drain first.
    const config::Stop& stop = pool_.spec()->stop;
    const Clock::duration leaving =
        before != 0 ? stop.drain + stop.kill_after : config::Duration{0};
    const auto deadline = Clock::now() + leaving + rules.deadline;
    const bool in_time = co_await services_.changed.wait_until(deadline, std::move(decided));
    if (std::string problem = trouble(slot); !problem.empty())
        co_return problem;
    if (!in_time)
        co_return "worker " + slot.label() + " was not ready within the rollout's deadline";
    if (proof == Proof::ready)
        co_return std::string{};
    std::function<bool()> fell = [&slot] { return !slot.ready() || slot.fault(); };
    const bool unhealthy =
        co_await services_.changed.wait_until(Clock::now() + rules.min_healthy, std::move(fell));
    if (!unhealthy)
        co_return std::string{};
    std::string problem = trouble(slot);
    co_return problem.empty() ? "worker " + slot.label() + " did not stay ready" : problem;
}

awaitable<void> Rollout::until_old_are_gone()
{
    std::function<bool()> gone = [this] {
        for (const auto& slot : pool_.slots())
            if (slot->state() == SlotState::retiring)
                return false;
        return true;
    };
    co_await services_.changed.wait_until(Clock::time_point::max(), std::move(gone));
}

} // namespace

awaitable<std::string> roll_out(Services& services, Pool& pool,
                                std::shared_ptr<const config::Pool> target, unsigned generation,
                                Progress progress)
{
    Rollout rollout{services, pool, std::move(progress)};
    co_return co_await rollout.all(std::move(target), generation);
}

awaitable<std::string> roll_slot(Services& services, Pool& pool, unsigned slot, Progress progress)
{
    const Pool::Surge surge{pool, pool.spec()->rollout.surge};
    Rollout rollout{services, pool, std::move(progress)};
    const Target target = pool.spec();
    std::string problem = co_await rollout.one(slot, target, pool.generation(), Proof::ready);
    co_await rollout.until_old_are_gone();
    co_return problem;
}

} // namespace ostler
