// SPDX-License-Identifier: MIT
// Says the same thing at most once in a while, however often it happens.
#pragma once

#include <chrono>
#include <optional>

namespace ostler
{

class Sparing
{
public:
    using Clock = std::chrono::steady_clock;
    explicit Sparing(Clock::duration interval) : interval_{interval} {}

    [[nodiscard]] bool may_speak(Clock::time_point now)
    {
        if (last_ && now - *last_ < interval_)
            return false;
        last_ = now;
        return true;
    }

private:
    Clock::duration interval_;
    std::optional<Clock::time_point> last_;
};

} // namespace ostler
