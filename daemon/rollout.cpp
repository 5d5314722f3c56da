// SPDX-License-Identifier: MIT
#include "daemon/rollout.hpp"

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
    awaitable<bool> room();
    awaitable<std::string> proven(unsigned fresh, WorkerId before, Proof proof);
    awaitable<void> go_back(std::vector<unsigned> replaced, Target before, unsigned generation);
    [[nodiscard]] std::string trouble(const Slot& fresh) const;
    void say(const std::string& sentence) const
    {
        if (progress_)
            progress_(sentence);
    }

    Services& services_;
    Pool& pool_;
    Progress progress_;
    unsigned newest_ = 0; // the slot that the last replacement went to
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
    const Pool::Surge surge{pool_, target->rollout.surge};
    pool_.set_spec(target, generation);
    std::vector<unsigned> replaced;
    for (const unsigned old : slots_with_a_place(pool_)) {
        const Proof proof = replaced.empty() ? Proof::healthy : Proof::ready;
        std::string problem = co_await one(old, target, generation, proof);
        if (problem.empty()) {
            replaced.push_back(newest_);
            say("pool " + pool_.name() + ": " + std::to_string(replaced.size()) + " of " +
                std::to_string(pool_.desired()) + " workers replaced");
            continue;
        }
        if (target->rollout.on_failure == config::RolloutFailure::rollback) {
            pool_.set_spec(before, generation_before);
            co_await go_back(std::move(replaced), before, generation_before);
        }
        co_return problem;
    }
    co_await until_old_are_gone();
    co_return std::string{};
}

awaitable<void> Rollout::go_back(std::vector<unsigned> replaced, Target before, unsigned generation)
{
    spdlog::warn("pool {}: going back to generation {}  replaced={}", pool_.name(), generation,
                 replaced.size());
    say("pool " + pool_.name() + ": going back to what ran before");
    for (const unsigned slot : replaced)
        if (pool_.running() && pool_.slot_at(slot)->holds_a_place())
            co_await one(slot, before, generation, Proof::ready);
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
    newest_ = old;
    slot.renew(std::move(target), generation);
    co_return co_await proven(old, before, proof);
}

awaitable<std::string> Rollout::beside(unsigned old, Target target, unsigned generation,
                                       Proof proof)
{
    const bool free = co_await room();
    if (!free)
        co_return "pool " + pool_.name() + " was stopped";
    Slot& fresh = pool_.free_slot();
    newest_ = fresh.index();
    fresh.start(std::move(target), generation);
    std::string problem = co_await proven(newest_, 0, proof);
    if (problem.empty())
        pool_.slot_at(old)->retire();
    else
        pool_.slot_at(newest_)->hurry();
    co_return problem;
}

// Until one of the n + surge slots is free: those that drain hold theirs.
awaitable<bool> Rollout::room()
{
    std::function<bool()> free = [this] {
        return !pool_.running() ||
               pool_.slots_in_use() < pool_.desired() + pool_.spec()->rollout.surge;
    };
    co_await services_.changed.wait_until(Clock::time_point::max(), std::move(free));
    co_return pool_.running();
}

std::string Rollout::trouble(const Slot& fresh) const
{
    if (!pool_.running())
        return "pool " + pool_.name() + " was stopped";
    if (fresh.state() != SlotState::running && fresh.last_ending())
        return "worker " + fresh.label() + ": " + describe(*fresh.last_ending());
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
    std::function<bool()> fell = [&slot] { return !slot.ready(); };
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
