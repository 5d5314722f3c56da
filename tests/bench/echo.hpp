// SPDX-License-Identifier: MIT
// One end that sends messages to another process, which sends each of them back: ostler's channel
// (the master's dialect here, libostler there), Node's, and a bare socket pair, the limit.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "tests/support/eventually.hpp"

namespace ostler::bench
{

enum class Line { bare, ostler, node };
[[nodiscard]] std::string name_of(Line line);

// What is sent: `window` messages of `size` bytes are on their way at a time (1: each waits for the
// answer to the one before), with a connection in each if `handles`.
struct Traffic {
    std::size_t size = 64;
    unsigned window = 1;
    bool handles = false;
};

// How many came back, a second, over about `during`. Starts the other end and ends it.
[[nodiscard]] double echoes(Line line, const Traffic& traffic, test::Milliseconds during);

// echoes() of one line each.
[[nodiscard]] double bare_echoes(const Traffic& traffic, test::Milliseconds during);
[[nodiscard]] double channel_echoes(const Traffic& traffic, test::Milliseconds during);

} // namespace ostler::bench
