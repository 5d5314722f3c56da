// SPDX-License-Identifier: MIT
// What we tell our service manager, through the keeper, whom it knows as the main process.
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
    void ready(const std::string& sentence);
    void status(const std::string& sentence);
    void reloading();
    void stopping(const std::string& sentence);
    // Called every second from the loop: the watchdog, and more time while we stop.
    void beat(Clock::time_point now, bool stopping);

private:
    void tell(const std::string& state);

    KeeperLink& keeper_;
    bool managed_;
    std::optional<std::chrono::microseconds> watchdog_;
    Clock::time_point last_watchdog_{};
};

} // namespace ostler
