// SPDX-License-Identifier: MIT
// A place in a pool: holds at most one worker, and decides by policy what follows when it ends.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/deadline.hpp"
#include "daemon/restart_policy.hpp"
#include "daemon/services.hpp"
#include "daemon/slot_lifecycle.hpp"
#include "daemon/worker.hpp"

namespace ostler
{

class Slot;

// The pool, which hears what becomes of its slots. Called from the loop.
class SlotOwner
{
public:
    virtual ~SlotOwner() = default;
    virtual void slot_freed(Slot& slot) = 0;
    virtual void budget_spent(Slot& slot, RestartHistory::Verdict verdict) = 0; // fail or exit
};

class Slot final : WorkerOwner
{
public:
    Slot(Services& services, SlotOwner& owner, std::string pool, unsigned index);

    // Puts a worker of this spec here, now: legal in every state without one. Forgives what was
    // before.
    void start(std::shared_ptr<const config::Pool> spec, unsigned generation);
    // The same for a worker beyond the pool's count: not started again, and gone with its place.
    void start_extra(std::shared_ptr<const config::Pool> spec, Handles handles,
                     unsigned generation);
    // Drains the worker for good: it is not started again. With a signal, that is sent once its
    // channel has ended.
    void disconnect(std::optional<int> signal);
    void retire(); // drains it, and leaves the place free
    void halt();   // drains it, and keeps the place, stopped
    void hurry();  // whatever was asked to go, goes now
    // Replaces the worker in place: the old one drains first. Later restarts are of this spec.
    void renew(std::shared_ptr<const config::Pool> spec, unsigned generation);
    // How it is supervised from now on; the program is the same.
    void adopt_settings(std::shared_ptr<const config::Pool> spec, unsigned generation);

    [[nodiscard]] unsigned index() const { return index_; }
    [[nodiscard]] std::string label() const { return pool_ + "/" + std::to_string(index_); }
    [[nodiscard]] SlotState state() const { return state_; }
    [[nodiscard]] bool in_use() const { return state_ != SlotState::free; }
    [[nodiscard]] bool extra() const { return extra_; }
    [[nodiscard]] bool holds_a_place() const
    {
        return in_use() && !extra_ && state_ != SlotState::retiring;
    }
    [[nodiscard]] bool ready() const
    {
        return state_ == SlotState::running && worker_ && worker_->state() == WorkerState::ready;
    }
    [[nodiscard]] const Worker* worker() const { return worker_.get(); }
    void signal_worker(int number)
    {
        if (worker_)
            services_.keeper.signal(worker_->id(), number, wire::keeper::Scope::process);
    }
    void kill_ourselves() // the keeper is gone
    {
        if (worker_)
            worker_->kill_ourselves();
    }
    [[nodiscard]] unsigned generation() const { return generation_; }
    [[nodiscard]] unsigned restarts() const { return restarts_; }
    [[nodiscard]] const std::optional<Ending>& last_ending() const { return last_ending_; }
    // The last that nobody asked for, since start() or renew(): how what was put here has failed.
    [[nodiscard]] const std::optional<Ending>& fault() const { return fault_; }
    [[nodiscard]] const std::shared_ptr<const config::Pool>& spec() const { return spec_; }
    [[nodiscard]] std::optional<Clock::duration> next_start_in() const;

private:
    void on(SlotEvent event);
    void perform(SlotEffect effect);
    void launch();
    void wait_to_start();
    void keep_sockets_of(const Worker& gone);
    void settle();
    void clear();
    void begin_anew(std::shared_ptr<const config::Pool> spec, unsigned generation);
    [[nodiscard]] SlotEvent judge(const Ending& ending);
    void log_ending(const Worker& worker, const Ending& ending, SlotEvent event) const;

    void worker_ready(Worker& worker) override;
    void worker_gone(Worker& worker, const Ending& ending) override;
    void worker_outdated(Worker& worker) override;

    Services& services_;
    SlotOwner& owner_;
    std::string pool_;
    unsigned index_;
    SlotState state_ = SlotState::free;
    std::shared_ptr<const config::Pool> spec_; // what is started here
    unsigned generation_ = 0;
    RestartHistory history_;
    config::Duration delay_{0}; // before the next start
    Clock::time_point next_start_{};
    unsigned restarts_ = 0;
    bool extra_ = false;
    Handles handles_; // for the next worker
    std::optional<Ending> last_ending_;
    std::optional<Ending> fault_;
    std::unique_ptr<Worker> worker_;
    // What workers here had asked for, until the next one has had the time to ask for it again.
    std::vector<std::shared_ptr<Listener>> kept_sockets_;
    Deadline give_up_sockets_;
    boost::asio::steady_timer timer_;
    os::Alive alive_;
};

} // namespace ostler
