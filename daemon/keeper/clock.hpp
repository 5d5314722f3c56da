// SPDX-License-Identifier: MIT
// Time for the timers; std::chrono's own clocks are in libstdc++, which the keeper does without.
#pragma once

#include <chrono>
#include <ctime>

namespace ostler::keeper
{

using Milliseconds = std::chrono::milliseconds;

inline Milliseconds now()
{
    timespec time;
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return Milliseconds{time.tv_sec * 1000 + time.tv_nsec / 1'000'000};
}

} // namespace ostler::keeper
