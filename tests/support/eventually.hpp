// SPDX-License-Identifier: MIT
// Waiting for something that has no event to wait for: asks again every few milliseconds until it
// is so or the deadline has passed. The only place in the tests that lets time go by.
#pragma once

#include <chrono>
#include <thread>

namespace ostler::test
{

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// What a healthy answer never needs, however busy the machine.
inline constexpr Milliseconds patience = 20s;

template <typename Predicate>
[[nodiscard]] bool eventually(Milliseconds within, Predicate predicate)
{
    const auto deadline = Clock::now() + within;
    while (!predicate()) {
        if (Clock::now() >= deadline)
            return predicate();
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

template <typename Predicate>
[[nodiscard]] bool eventually(Predicate predicate)
{
    return eventually(patience, predicate);
}

// It is so now, and stays so for `during`: for what must not happen.
template <typename Predicate>
[[nodiscard]] bool throughout(Milliseconds during, Predicate predicate)
{
    return !eventually(during, [&] { return !predicate(); });
}

} // namespace ostler::test
