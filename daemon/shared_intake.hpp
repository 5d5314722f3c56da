// SPDX-License-Identifier: MIT
// The intake of a worker that holds the listening socket (or the UDP socket) itself.
#pragma once

#include "daemon/intake.hpp"

namespace ostler
{

class SocketListener;

class SharedIntake final : public Intake
{
public:
    SharedIntake(SocketListener& listener, IntakeOwner& owner) : listener_{&listener}, owner_{owner}
    {
    }
    SharedIntake(const SharedIntake&) = delete;
    SharedIntake& operator=(const SharedIntake&) = delete;
    ~SharedIntake() override;

    [[nodiscard]] Delivery delivery() const override { return Delivery::shared; }
    [[nodiscard]] os::FdRef given() const override;
    void pause() override {}   // it takes by itself until it is told to stop
    void reclaim() override {} // what it had not accepted is in the kernel's backlog, for everybody
    [[nodiscard]] std::uint64_t passed() const override { return 0; }
    [[nodiscard]] unsigned pending() const override { return 0; }

    [[nodiscard]] IntakeOwner& owner() const { return owner_; }
    void orphan() { listener_ = nullptr; } // the listener goes first

private:
    SocketListener* listener_;
    IntakeOwner& owner_;
};

} // namespace ostler
