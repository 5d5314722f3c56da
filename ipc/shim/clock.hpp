// SPDX-License-Identifier: MIT
// CLOCK_MONOTONIC, and the moment at which a wait must end.
#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace ostler::shim
{

inline constexpr std::uint64_t ns_per_ms = 1'000'000;

inline std::uint64_t now_ns()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

class Deadline
{
public:
    // 0: at once, and without a look at the clock. Negative: never.
    static Deadline after(int ms)
    {
        if (ms <= 0)
            return Deadline{ms < 0 ? never : 0};
        return Deadline{now_ns() + static_cast<std::uint64_t>(ms) * ns_per_ms};
    }

    // What poll and epoll_wait want: rounded up, so that a wait does not end before its time.
    [[nodiscard]] int left_ms() const
    {
        if (at_ == 0 || at_ == never)
            return at_ == 0 ? 0 : -1;
        const std::uint64_t now = now_ns();
        return at_ <= now ? 0 : static_cast<int>((at_ - now + ns_per_ms - 1) / ns_per_ms);
    }

private:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    explicit Deadline(std::uint64_t at) : at_{at} {}
    std::uint64_t at_;
};

} // namespace ostler::shim
