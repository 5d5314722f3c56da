// SPDX-License-Identifier: MIT
#include "daemon/log_line.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <spdlog/fmt/fmt.h>

#include "ipc/text/utf8.hpp"
#include "systemd/journal.hpp"

namespace ostler
{
namespace
{

using std::chrono::system_clock;

struct Level {
    std::string_view name;
    std::string_view colour; // of a terminal
    systemd::Priority priority;
};

constexpr std::array levels{
    Level{"trace", "\x1b[2m", systemd::Priority::debug},
    Level{"debug", "\x1b[2m", systemd::Priority::debug},
    Level{"info", "\x1b[32m", systemd::Priority::info},
    Level{"warn", "\x1b[33m", systemd::Priority::warning},
    Level{"error", "\x1b[31m", systemd::Priority::error},
    Level{"critical", "\x1b[1;31m", systemd::Priority::critical},
};

const Level& level(Severity severity)
{
    return levels.at(static_cast<std::size_t>(severity));
}

int milliseconds(system_clock::time_point time)
{
    using std::chrono::milliseconds;
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    return static_cast<int>(std::chrono::floor<milliseconds>(time - whole).count());
}

std::string utc_time(system_clock::time_point time)
{
    const auto seconds = system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       milliseconds(time));
}

std::string time_of_day(system_clock::time_point time)
{
    const auto seconds = system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                       milliseconds(time));
}

// A sentence of several lines (the mistakes of a spec): what follows the first is indented, so that
// nobody takes it for a line of its own.
std::string indented(std::string_view text, std::string_view prefix)
{
    std::string lines;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        if (at > 0)
            lines.append("\n").append(prefix).append("    ");
        lines += text::printable(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

std::string json_line(const LogEntry& entry)
{
    boost::json::object line;
    line["time"] = utc_time(entry.time);
    line["level"] = level(entry.severity).name;
    line["message"] = indented(entry.text, "");
    return boost::json::serialize(line) + '\n';
}

} // namespace

std::string log_line(LogLook look, const LogEntry& entry)
{
    const auto& [name, colour, priority] = level(entry.severity);
    switch (look) {
    case LogLook::journal: {
        const auto prefix = systemd::journal_prefix(priority);
        return prefix + indented(entry.text, prefix) + '\n';
    }
    case LogLook::terminal:
        return fmt::format("{} {}{:<5}\x1b[0m {}\n", time_of_day(entry.time), colour, name,
                           indented(entry.text, ""));
    case LogLook::plain:
        return fmt::format("{} {:<5} {}\n", utc_time(entry.time), name, indented(entry.text, ""));
    case LogLook::json:
        break;
    }
    return json_line(entry);
}

} // namespace ostler
