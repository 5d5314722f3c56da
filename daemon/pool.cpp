// SPDX-License-Identifier: MIT
#include "daemon/pool.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace ostler
{
namespace
{

// Which place is given up first: one without a worker, then one that is not ready, then the
// highest.
int reluctance(const Slot& slot)
{
    return slot.state() != SlotState::running ? 0 : slot.ready() ? 2 : 1;
}

bool stays_down(SlotState state) // or is about to
{
    return state == SlotState::failed || state == SlotState::stopped || state == SlotState::halting;
}

} // namespace

Pool::Pool(Services& services, Owner& owner, config::Pool spec, unsigned generation)
    : services_{services},
      owner_{owner},
      spec_{std::make_shared<const config::Pool>(std::move(spec))},
      generation_{generation},
      desired_{spec_->workers}
{
}

void Pool::start()
{
    if (!running_)
        degraded_.clear(); // all of it starts alike
    running_ = true;
    failed_ = false;
    converge();
    for (const auto& slot : slots_)
        if (slot->holds_a_place() && slot->state() != SlotState::running)
            slot->start(spec_, generation_);
}

void Pool::stop()
{
    running_ = false;
    for (const auto& slot : slots_)
        slot->halt();
}

void Pool::hurry()
{
    stop();
    for (const auto& slot : slots_)
        slot->hurry();
}

void Pool::scale(unsigned workers)
{
    desired_ = workers;
    converge();
}

Slot& Pool::fork(config::Program program, Handles handles)
{
    auto spec = std::make_shared<config::Pool>(*spec_);
    spec->program = std::move(program);
    Slot& slot = free_slot(spec->program);
    slot.start_extra(std::move(spec), std::move(handles), generation_);
    return slot;
}

std::size_t Pool::extras() const
{
    return static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(),
                                                  [](const auto& slot) { return slot->extra(); }));
}

void Pool::set_spec(std::shared_ptr<const config::Pool> spec, unsigned generation)
{
    spec_ = std::move(spec);
    generation_ = generation;
}

void Pool::update(config::Pool spec, unsigned generation)
{
    set_spec(std::make_shared<const config::Pool>(std::move(spec)), generation);
    for (const auto& slot : slots_)
        if (slot->in_use() && !slot->extra())
            slot->adopt_settings(spec_, generation);
}

std::size_t Pool::places() const
{
    return static_cast<std::size_t>(std::count_if(
        slots_.begin(), slots_.end(), [](const auto& slot) { return slot->holds_a_place(); }));
}

void Pool::converge()
{
    const bool starts = running_ && !failed_;
    for (std::size_t count = places(); starts && count < desired_; ++count)
        free_slot(spec_->program).start(spec_, generation_);
    for (std::size_t count = places(); count > desired_ + surging_; --count)
        least_wanted().retire();
}

Slot& Pool::least_wanted()
{
    Slot* least = nullptr;
    for (const auto& slot : slots_)
        if (slot->holds_a_place() && (!least || reluctance(*slot) <= reluctance(*least)))
            least = slot.get();
    return *least;
}

Slot& Pool::free_slot(const config::Program& program)
{
    SlotOwner& self = *this;
    const unsigned index = free_index(program);
    while (slots_.size() <= index)
        slots_.push_back(
            std::make_unique<Slot>(services_, self, name(), static_cast<unsigned>(slots_.size())));
    return *slots_[index];
}

// Where every number is taken the lowest: its worker learns it when it binds the port.
unsigned Pool::free_index(const config::Program& program) const
{
    constexpr unsigned all_numbers = 65536;
    const auto free = [&](unsigned index) {
        return index >= slots_.size() || !slots_[index]->in_use();
    };
    unsigned lowest = 0;
    while (!free(lowest))
        ++lowest;
    if (program.ports.empty())
        return lowest;
    const TakenPorts taken = owner_.ports_taken_beside(*this);
    for (unsigned index = lowest; index < all_numbers; ++index)
        if (free(index) && taken.leave(program, index))
            return index;
    return lowest;
}

Slot* Pool::slot_of(WorkerId worker)
{
    for (const auto& slot : slots_)
        if (slot->worker() && slot->worker()->id() == worker)
            return slot.get();
    return nullptr;
}

Slot* Pool::slot_at(unsigned index)
{
    return index < slots_.size() ? slots_[index].get() : nullptr;
}

unsigned Pool::ready_count() const
{
    return static_cast<unsigned>(std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
        return slot->ready() && !slot->extra();
    }));
}

unsigned Pool::slots_in_use() const
{
    return static_cast<unsigned>(std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
        return slot->in_use() && !slot->extra();
    }));
}

unsigned Pool::worker_count() const
{
    return static_cast<unsigned>(std::count_if(
        slots_.begin(), slots_.end(), [](const auto& slot) { return slot->worker() != nullptr; }));
}

std::string Pool::degraded() const
{
    return running_ && !failed_ && !degraded_.empty() ? degraded_ : down();
}

std::string Pool::down() const
{
    if (!running_)
        return {};
    std::string how = fallen();
    if (!failed_)
        return how;
    return "failed: its workers were restarted too often" + (how.empty() ? "" : "; " + how);
}

std::string Pool::fallen() const
{
    for (const auto& slot : slots_) {
        if (!has_worker(slot->state()) && slot->in_use() && slot->fault())
            return "worker " + slot->label() + " is down: " + describe(*slot->fault());
    }
    return {};
}

bool Pool::may_become_ready() const
{
    const auto able = std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
        return slot->holds_a_place() && !stays_down(slot->state());
    });
    return running_ && !failed_ && static_cast<std::size_t>(able) >= desired_;
}

std::string Pool::not_ready() const
{
    const std::string why = !running_ ? "it is stopped" : degraded();
    return "pool " + name() +
           " is not ready: " + (why.empty() ? "its workers are still starting" : why);
}

void Pool::slot_freed(Slot&)
{
    converge();
}

void Pool::budget_spent(Slot& slot, RestartHistory::Verdict verdict)
{
    failed_ = true;
    spdlog::error(
        "pool {} has failed: worker {} was restarted more than {} times within {} s", name(),
        slot.label(), spec_->restart.budget.restarts,
        std::chrono::duration_cast<std::chrono::seconds>(spec_->restart.budget.within).count());
    services_.changed.notify();
    if (verdict == RestartHistory::Verdict::exit)
        owner_.pool_wants_exit(*this);
}

} // namespace ostler
