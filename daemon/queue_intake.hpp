// SPDX-License-Identifier: MIT
// The intake that a worker with a queue holds.
#pragma once

#include "daemon/dispatcher.hpp"
#include "daemon/intake.hpp"
#include "daemon/lane.hpp"

namespace ostler
{

class QueueIntake final : public Intake
{
public:
    QueueIntake(Dispatcher& dispatcher, Lane lane)
        : dispatcher_{&dispatcher}, lane_{std::move(lane)}
    {
    }
    QueueIntake(const QueueIntake&) = delete;
    QueueIntake& operator=(const QueueIntake&) = delete;
    ~QueueIntake() override
    {
        reclaim();
        if (dispatcher_)
            dispatcher_->leave(*this);
    }

    [[nodiscard]] Delivery delivery() const override { return Delivery::queue; }
    [[nodiscard]] os::FdRef given() const override { return lane_.queue().far(); }
    void pause() override
    {
        if (lane_.route() == Lane::Route::open)
            lane_.route(Lane::Route::paused);
    }
    void reclaim() override
    {
        if (dispatcher_)
            dispatcher_->reclaim(lane_);
    }
    [[nodiscard]] std::uint64_t passed() const override { return lane_.passed(); }
    [[nodiscard]] unsigned pending() const override { return lane_.queue().waiting(); }

    [[nodiscard]] Lane& lane() { return lane_; }
    void orphan() { dispatcher_ = nullptr; } // the listener goes first

private:
    Dispatcher* dispatcher_;
    Lane lane_;
};

} // namespace ostler
