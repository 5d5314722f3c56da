// SPDX-License-Identifier: MIT
// Until when somebody waits, for poll().
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>
#include <optional>

namespace ostler::control
{

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>; // nothing: as long as it takes

// Milliseconds, rounded up so that we never wake before the deadline; -1: as long as it takes.
[[nodiscard]] inline int remaining(const Deadline& deadline)
{
    if (!deadline)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

} // namespace ostler::control
