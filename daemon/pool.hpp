// SPDX-License-Identifier: MIT
// A set of like workers: keeps as many slots in use as are wanted, and replaces workers one by one.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "config/spec.hpp"
#include "daemon/services.hpp"
#include "daemon/slot.hpp"
#include "daemon/worker_ports.hpp"

namespace ostler
{

class Pool final : SlotOwner
{
public:
    class Owner
    {
    public:
        virtual ~Owner() = default;
        virtual void
        pool_wants_exit(Pool& pool) = 0; // its budget is spent, and the spec says `exit`
        // Those of every worker there is, and of every socket; and those that the spec gives to the
        // other pools, whether they have as many workers now or not.
        [[nodiscard]] virtual TakenPorts ports_taken_beside(const Pool& pool) const = 0;
    };

    Pool(Services& services, Owner& owner, config::Pool spec, unsigned generation);

    void start(); // brings it to its desired count; a pool that was stopped or has failed, too
    void stop();  // drains all of it
    void hurry(); // … at once
    void scale(unsigned workers);
    // One more worker than desired, of this program. It is not started again when it ends.
    Slot& fork(config::Program program, Handles handles);
    // What controllers want later forks to be started with, on top of the spec's program.
    struct ForkSettings {
        config::ValuePtr said = config::no_settings();
        Handles handles;            // that its `stdio` counts; null: none
        bool by_controller = false; // of the spec, perhaps in part: it chose what runs
    };
    void set_up_forks(ForkSettings settings) { fork_settings_ = std::move(settings); }
    [[nodiscard]] const ForkSettings& fork_settings() const { return fork_settings_; }
    [[nodiscard]] bool may_fork() const { return extras() < most_extras; }
    // Only how it is supervised changes: nothing restarts.
    void update(config::Pool spec, unsigned generation);
    // The spec of workers started from now on; running ones stay what they are.
    void set_spec(std::shared_ptr<const config::Pool> spec, unsigned generation);

    [[nodiscard]] const std::string& name() const { return spec_->name; }
    [[nodiscard]] const std::shared_ptr<const config::Pool>& spec() const { return spec_; }
    [[nodiscard]] unsigned generation() const { return generation_; }
    [[nodiscard]] unsigned desired() const { return desired_; }
    [[nodiscard]] unsigned ready_count() const;
    [[nodiscard]] bool ready() const { return running_ && ready_count() >= desired_; }
    [[nodiscard]] bool running() const { return running_; }
    [[nodiscard]] unsigned slots_in_use() const;
    [[nodiscard]] unsigned worker_count() const;
    [[nodiscard]] bool empty() const { return worker_count() == 0; } // no process is left
    [[nodiscard]] bool failed() const { return failed_; }
    // By itself: not when it was stopped, has failed, or has too few that do not stay down.
    [[nodiscard]] bool may_become_ready() const;
    [[nodiscard]] std::string degraded() const; // why it is not what it should be; empty when it is
    [[nodiscard]] std::string down() const;     // … for want of a worker that has failed
    [[nodiscard]] std::string not_ready() const; // "pool api is not ready: ", and why
    void set_degraded(std::string why) { degraded_ = std::move(why); }

    [[nodiscard]] std::vector<std::unique_ptr<Slot>>& slots() { return slots_; }
    [[nodiscard]] const std::vector<std::unique_ptr<Slot>>& slots() const { return slots_; }
    [[nodiscard]] Slot* slot_of(WorkerId worker);
    [[nodiscard]] Slot* slot_at(unsigned index);
    // The lowest in which this program has ports that nobody else has.
    [[nodiscard]] Slot& free_slot(const config::Program& program);

    // While a rollout holds one of these, the pool may have that many workers more than desired.
    class Surge
    {
    public:
        Surge(Pool& pool, unsigned extra) : pool_{pool} { pool_.surging_ = extra; }
        ~Surge()
        {
            pool_.surging_ = 0;
            pool_.converge();
        }
        Surge(const Surge&) = delete;
        Surge& operator=(const Surge&) = delete;

    private:
        Pool& pool_;
    };

private:
    static constexpr std::size_t most_extras = 1024;
    [[nodiscard]] std::size_t extras() const;
    [[nodiscard]] unsigned free_index(const config::Program& program) const;
    [[nodiscard]] std::size_t places() const; // slots that count: not free, not on their way out
    [[nodiscard]] Slot& least_wanted();
    [[nodiscard]] std::string fallen() const; // a worker that is down, and how it ended
    void converge();                          // starts or retires until the count is right
    void slot_freed(Slot& slot) override;
    void budget_spent(Slot& slot, RestartHistory::Verdict verdict) override;

    Services& services_;
    Owner& owner_;
    std::shared_ptr<const config::Pool> spec_;
    unsigned generation_;
    ForkSettings fork_settings_;
    unsigned desired_;
    unsigned surging_ = 0;
    bool running_ = false;
    bool failed_ = false;
    std::string degraded_;
    std::vector<std::unique_ptr<Slot>> slots_; // by index; grows, never shrinks
};

} // namespace ostler
