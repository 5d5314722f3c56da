// SPDX-License-Identifier: MIT
// How one line of the daemon's log looks. Pure. What workers print passes through here too, so
// nothing in it may change a terminal's state, begin a line of its own, or break a JSON parser.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/spec.hpp"

namespace ostler
{

enum class LogLook {
    journal,  // "<4>sentence": time and name are the journal's own
    terminal, // time of day, coloured level
    plain,    // UTC time, level
    json,     // an object a line
};

enum class Severity { trace, debug, info, warn, error, critical };

struct LogEntry {
    std::chrono::system_clock::time_point time;
    Severity severity = Severity::info;
    std::string_view text;
};

// One line with its newline.
[[nodiscard]] std::string log_line(LogLook look, const LogEntry& entry);

} // namespace ostler
