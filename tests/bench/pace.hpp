// SPDX-License-Identifier: MIT
// What the ends that send messages have in common.
#pragma once

#include <chrono>
#include <cstdint>

#include "tests/bench/echo.hpp"

namespace ostler::bench
{

inline constexpr test::Milliseconds give_up{20'000};

// What is on its way, and how fast it comes back: the first part of the time is not counted.
class Pace
{
public:
    using Clock = std::chrono::steady_clock;

    Pace(const Traffic& traffic, test::Milliseconds during)
        : window_{traffic.window},
          counted_from_{Clock::now() + during / 4},
          until_{counted_from_ + during}
    {
    }
    [[nodiscard]] bool may_send() const { return under_way_ < window_ && !over_; }
    [[nodiscard]] bool done() const { return over_ && under_way_ == 0; }
    void sent() { ++under_way_; }
    void came_back()
    {
        const auto now = Clock::now();
        --under_way_;
        over_ = over_ || now >= until_;
        if (now >= counted_from_) {
            if (came_back_++ == 0)
                first_ = now;
            last_ = now;
        }
    }
    [[nodiscard]] double per_second() const
    {
        const std::chrono::duration<double> took = last_ - first_;
        return came_back_ > 1 ? static_cast<double>(came_back_ - 1) / took.count() : 0;
    }
    [[nodiscard]] bool stuck() const { return Clock::now() > until_ + give_up; }

private:
    unsigned window_;
    unsigned under_way_ = 0;
    std::uint64_t came_back_ = 0;
    bool over_ = false;
    Clock::time_point counted_from_, until_, first_, last_;
};

} // namespace ostler::bench
