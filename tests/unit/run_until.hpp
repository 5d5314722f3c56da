// SPDX-License-Identifier: MIT
// Turns the loop of a test until something is so.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

namespace ostler::test
{

using namespace std::chrono_literals;

// True as soon as it is so, false when it is not after a time that no busy machine needs.
template <typename Predicate>
[[nodiscard]] bool run_until(boost::asio::io_context& loop, Predicate predicate)
{
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        loop.restart();
        loop.run_one_for(5ms);
    }
    return true;
}

} // namespace ostler::test
