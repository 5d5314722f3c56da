// SPDX-License-Identifier: MIT
// Whether and when a slot gets another worker. Pure: time and chance come in as arguments.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "config/spec.hpp"
#include "daemon/ending.hpp"

namespace ostler
{

class RestartHistory
{
public:
    using Clock = std::chrono::steady_clock;

    enum class Verdict {
        again,     // after `delay`
        stay_down, // the policy wants none
        fail,      // the budget is spent: the pool has failed
        exit,      // the budget is spent: the daemon ends
    };
    struct Decision {
        Verdict verdict;
        config::Duration delay{0};
    };

    // `chance` is uniform in [0, 1): the jitter.
    [[nodiscard]] Decision decide(const config::Restart& restart, const Ending& ending,
                                  Clock::time_point now, double chance);
    // By hand, or by a new spec: whatever happened before is forgiven.
    void forgive();

private:
    [[nodiscard]] bool spent(const config::Budget& budget, Clock::time_point now);

    unsigned failures_ = 0; // in a row, since a healthy while
    std::deque<Clock::time_point>
        recent_; // restarts within the budget's window; never longer than the budget
};

// Whether the policy wants another worker after such an ending, budget and backoff aside.
[[nodiscard]] bool wants_another(const config::Restart& restart, const Ending& ending);
// The delay before try number `failures` (1 is the first restart), jitter included, never above
// max.
[[nodiscard]] config::Duration backoff_delay(const config::Backoff& backoff, unsigned failures,
                                             double chance);

} // namespace ostler
