// SPDX-License-Identifier: MIT
#include "daemon/log_line.hpp"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <spdlog/fmt/fmt.h>

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

// How many bytes the character at the front takes; 0 when it is to be escaped. RFC 3629: no
// surrogates, nothing longer than needed, nothing beyond U+10FFFF; and no C1 controls, which some
// terminals obey.
std::size_t character_length(std::string_view text)
{
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(0);
    if (first < 0x80)
        return (first >= 0x20 && first != 0x7f) || first == '\t' ? 1 : 0;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length)
        return 0;
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xc0) != 0x80)
            return 0;
    const bool too_long = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    const bool control = first == 0xc2 && byte(1) < 0xa0;
    return too_long || surrogate || too_large || control ? 0 : length;
}

std::string json_line(const LogEntry& entry)
{
    boost::json::object line;
    line["time"] = utc_time(entry.time);
    line["level"] = level(entry.severity).name;
    line["message"] = printable(entry.text);
    return boost::json::serialize(line) + '\n';
}

} // namespace

std::string printable(std::string_view text)
{
    std::string safe;
    while (!text.empty()) {
        const auto length = character_length(text);
        if (length > 0)
            safe.append(text.substr(0, length));
        else
            safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        text.remove_prefix(length > 0 ? length : 1);
    }
    return safe;
}

std::string log_line(LogLook look, const LogEntry& entry)
{
    const auto& [name, colour, priority] = level(entry.severity);
    switch (look) {
    case LogLook::journal:
        return systemd::journal_line(priority, printable(entry.text));
    case LogLook::terminal:
        return fmt::format("{} {}{:<5}\x1b[0m {}\n", time_of_day(entry.time), colour, name,
                           printable(entry.text));
    case LogLook::plain:
        return fmt::format("{} {:<5} {}\n", utc_time(entry.time), name, printable(entry.text));
    case LogLook::json:
        break;
    }
    return json_line(entry);
}

} // namespace ostler
