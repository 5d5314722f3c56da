// SPDX-License-Identifier: MIT
#include "tests/bench/echo.hpp"

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "tests/bench/contenders.hpp"
#include "tests/bench/pace.hpp"
#include "tests/support/child.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/programs.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

double node_echoes(const Traffic& traffic, Milliseconds during)
{
    const Ran ran = run({node_program, source_root + "/tests/bench/node_messages.js",
                         std::to_string(traffic.size), std::to_string(traffic.window),
                         std::to_string(during.count()), traffic.handles ? "handles" : "messages"},
                        {}, during + give_up);
    (void)sweep_orphans(); // its worker notices by itself, but later
    if (ran.exit != 0)
        throw std::runtime_error("Node's messages: " + ran.err);
    return std::strtod(ran.out.c_str(), nullptr);
}

} // namespace

std::string name_of(Line line)
{
    constexpr std::array names{"bare socket pair (the limit)", "ostler", "node 14.15.2"};
    return names.at(static_cast<std::size_t>(line));
}

double echoes(Line line, const Traffic& traffic, Milliseconds during)
{
    switch (line) {
    case Line::bare:
        return bare_echoes(traffic, during);
    case Line::ostler:
        return channel_echoes(traffic, during);
    case Line::node:
        return node_echoes(traffic, during);
    }
    throw std::logic_error("no such line");
}

} // namespace ostler::bench
