// SPDX-License-Identifier: MIT
// What we tell our service manager, through the keeper, whom it knows as the main process: each
// thing in its time, so that it never hears that we are ready before we are, or when we stop.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/keeper_link.hpp"

namespace ostler
{

class ManagerLink
{
public:
    using Clock = std::chrono::steady_clock;
    ManagerLink(KeeperLink& keeper, bool managed, std::optional<std::chrono::microseconds> watchdog)
        : keeper_{keeper}, managed_{managed}, watchdog_{watchdog}
    {
    }
    void starting(const std::string& sentence, bool hopeless);
    void ready(const std::string& sentence);
    void status(const std::string& sentence);
    void reloading(); // while we start, that is nothing it can do anything with
    void reloaded(const std::string& sentence);
    void stopping(const std::string& sentence);
    // Called every second from the loop: the watchdog, and more time while we start, reload or
    // stop; not for a start that is hopeless.
    void beat(Clock::time_point now, bool hopeless);

private:
    enum class Phase { starting, ready, reloading, stopping };
    void tell(const std::string& state);

    KeeperLink& keeper_;
    bool managed_;
    Phase phase_ = Phase::starting;
    std::optional<std::chrono::microseconds> watchdog_;
    Clock::time_point last_watchdog_{};
};

} // namespace ostler
