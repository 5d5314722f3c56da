// SPDX-License-Identifier: MIT
#include "daemon/slot.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include "ipc/os/ensure.hpp"

namespace ostler
{
namespace
{

using Verdict = RestartHistory::Verdict;

double seconds(Clock::duration time)
{
    return std::chrono::duration<double>{time}.count();
}

} // namespace

Slot::Slot(Services& services, SlotOwner& owner, std::string pool, unsigned index)
    : services_{services},
      owner_{owner},
      pool_{std::move(pool)},
      index_{index},
      give_up_sockets_{services.executor},
      timer_{services.executor}
{
}

void Slot::on(SlotEvent event)
{
    const SlotRule* rule = find_rule(slot_lifecycle, state_, event);
    if (!rule)
        return;
    state_ = rule->to; // the only assignment to state_
    if (!has_worker(state_) && state_ != SlotState::backoff)
        kept_sockets_.clear();
    services_.changed.notify();
    perform(rule->effect);
}

void Slot::perform(SlotEffect effect)
{
    switch (effect) {
    case SlotEffect::none:
        return;
    case SlotEffect::launch:
        return launch();
    case SlotEffect::drain:
        return worker_->drain();
    case SlotEffect::wait:
        return wait_to_start();
    case SlotEffect::settle:
        return settle();
    case SlotEffect::clear:
        return clear();
    }
}

void Slot::start(std::shared_ptr<const config::Pool> spec, unsigned generation)
{
    begin_anew(std::move(spec), generation);
    on(SlotEvent::start);
}

void Slot::begin_anew(std::shared_ptr<const config::Pool> spec, unsigned generation)
{
    adopt_settings(std::move(spec), generation);
    history_.forgive();
    fault_.reset();
}

void Slot::adopt_settings(std::shared_ptr<const config::Pool> spec, unsigned generation)
{
    spec_ = std::move(spec);
    generation_ = generation;
}

void Slot::start_extra(std::shared_ptr<const config::Pool> spec, Handles handles,
                       unsigned generation)
{
    ensure(!in_use(), "a worker beyond the count gets a free place");
    extra_ = true;
    handles_ = std::move(handles);
    start(std::move(spec), generation);
}

void Slot::disconnect(std::optional<int> signal)
{
    if (signal && worker_)
        worker_->end_with(*signal);
    halt();
}

void Slot::retire()
{
    on(SlotEvent::retire);
}

void Slot::halt()
{
    on(extra_ ? SlotEvent::retire : SlotEvent::halt);
}

void Slot::hurry()
{
    if (worker_)
        worker_->stop();
}

void Slot::renew(std::shared_ptr<const config::Pool> spec, unsigned generation)
{
    if (state_ != SlotState::running)
        return start(std::move(spec), generation);
    begin_anew(std::move(spec), generation);
    worker_->drain(); // its end brings the next, as it was asked to go and the place is wanted
}

void Slot::launch()
{
    timer_.cancel();
    ensure(!worker_, "a slot holds one worker");
    WorkerOwner& self = *this;
    worker_ = std::make_unique<Worker>(services_, self, spec_, std::exchange(handles_, nullptr),
                                       index_, generation_);
    if (!kept_sockets_.empty())
        give_up_sockets_.in(spec_->ready.timeout, [this] { kept_sockets_.clear(); });
    worker_->start();
}

void Slot::keep_sockets_of(const Worker& gone)
{
    give_up_sockets_.cancel();
    for (auto& socket : gone.sockets().asked())
        if (std::ranges::count(kept_sockets_, socket) == 0)
            kept_sockets_.push_back(std::move(socket));
}

void Slot::wait_to_start()
{
    next_start_ = Clock::now() + delay_;
    timer_.expires_at(next_start_);
    timer_.async_wait(alive_.guard([this](boost::system::error_code error) {
        if (error || state_ != SlotState::backoff)
            return;
        if (!last_ending_->asked)
            ++restarts_;
        on(SlotEvent::start);
    }));
}

void Slot::settle()
{
    timer_.cancel();
    history_.forgive();
}

void Slot::clear()
{
    settle();
    restarts_ = 0;
    extra_ = false;
    last_ending_.reset();
    fault_.reset();
    owner_.slot_freed(*this);
}

std::optional<Clock::duration> Slot::next_start_in() const
{
    if (state_ != SlotState::backoff)
        return std::nullopt;
    return std::max(Clock::duration{}, next_start_ - Clock::now());
}

void Slot::worker_ready(Worker&) {}

void Slot::worker_outdated(Worker& worker)
{
    spdlog::info("worker {} cannot be given a new socket and is replaced  id={}", worker.label(),
                 worker.id());
    if (state_ == SlotState::running)
        renew(spec_, generation_);
}

SlotEvent Slot::judge(const Ending& ending)
{
    delay_ = config::Duration{0};
    if (extra_)
        return SlotEvent::exit_extra;
    if (ending.asked)
        return SlotEvent::exit_again; // replaced in place, whatever the policy
    const RestartHistory::Decision decision =
        history_.decide(spec_->restart, ending, Clock::now(), services_.chance());
    delay_ = decision.delay;
    switch (decision.verdict) {
    case Verdict::again:
        return SlotEvent::exit_again;
    case Verdict::stay_down:
        return SlotEvent::exit_for_good;
    case Verdict::fail:
    case Verdict::exit:
        break;
    }
    if (state_ == SlotState::running)
        boost::asio::post(services_.executor, alive_.guard([this, verdict = decision.verdict] {
            owner_.budget_spent(*this, verdict);
        }));
    return SlotEvent::exit_gave_up;
}

void Slot::log_ending(const Worker& worker, const Ending& ending, SlotEvent event) const
{
    const std::string what =
        "worker " + worker.label() + (ending.start_failure.empty() ? " " : ": ") + describe(ending);
    const double uptime = seconds(ending.uptime);
    if (ending.asked)
        return spdlog::info("{}  id={} uptime={:.1f}s", what, worker.id(), uptime);
    if (event == SlotEvent::exit_for_good || event == SlotEvent::exit_extra)
        return spdlog::info("{}; it stays down  id={} uptime={:.1f}s", what, worker.id(), uptime);
    if (event == SlotEvent::exit_gave_up)
        return spdlog::error("{}; restarted too often, it stays down  id={} uptime={:.1f}s", what,
                             worker.id(), uptime);
    spdlog::warn("{}, starting again in {} ms  id={} uptime={:.1f}s", what, delay_.count(),
                 worker.id(), uptime);
}

void Slot::worker_gone(Worker& worker, const Ending& ending)
{
    const bool wanted = state_ == SlotState::running;
    const SlotEvent event = wanted ? judge(ending) : SlotEvent::exit_for_good;
    log_ending(worker, ending, event);
    keep_sockets_of(worker);
    last_ending_ = ending;
    if (!ending.asked)
        fault_ = ending;
    // It is its own last call that we are in: it goes when the stack has unwound.
    boost::asio::post(services_.executor, [gone = std::shared_ptr<Worker>{std::move(worker_)}] {});
    on(event);
}

} // namespace ostler
