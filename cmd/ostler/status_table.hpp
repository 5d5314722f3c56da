// SPDX-License-Identifier: MIT
// The reply to `status` as a table for people. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace ostler::cli
{

enum class Colour { no, yes };

// At most 100 columns wide unless a name or an address is very long.
[[nodiscard]] std::string status_table(const boost::json::object& status, Colour colour);

// "1.5s", "12m", "3h 20m", "4d 2h": short, and the same width most of the time.
[[nodiscard]] std::string human_time(double seconds);
// "1.8M"
[[nodiscard]] std::string human_size(double bytes);

} // namespace ostler::cli
