// SPDX-License-Identifier: MIT
// When to bind a socket anew that was shut down: at once, unless that has happened just before. A
// holder that does it over and over must not keep the master busy. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace ostler
{

class Rebinding
{
public:
    using Clock = std::chrono::steady_clock;
    static constexpr Clock::duration first = std::chrono::milliseconds{100};
    static constexpr Clock::duration longest = std::chrono::seconds{5};
    static constexpr Clock::duration forgiven_after = std::chrono::seconds{30};

    // How long to wait before the try that is due now.
    [[nodiscard]] Clock::duration wait(Clock::time_point now)
    {
        if (!last_ || now - *last_ >= forgiven_after)
            next_ = Clock::duration::zero();
        const auto wait = next_;
        next_ = std::clamp(next_ * 2, first, longest);
        last_ = now + wait;
        return wait;
    }

private:
    Clock::duration next_{0};
    std::optional<Clock::time_point> last_; // try
};

} // namespace ostler
