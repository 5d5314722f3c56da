// SPDX-License-Identifier: MIT
#include "systemd/notify.hpp"

#include <algorithm>
#include <charconv>

namespace ostler::systemd
{
namespace
{

// Far below the 4 KiB that the keeper relays, and more than systemctl shows.
constexpr std::size_t longest_status = 512;

std::string assignment(std::string_view name, std::string_view value)
{
    return std::string{name}.append("=").append(value).append("\n");
}

std::string assignment(std::string_view name, std::chrono::microseconds value)
{
    return assignment(name, std::to_string(value.count()));
}

std::optional<long long> positive_number(std::string_view text)
{
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value > 0 ? std::optional{value} : std::nullopt;
}

} // namespace

std::string status(std::string_view sentence)
{
    std::string line{sentence.substr(0, longest_status)};
    std::replace(line.begin(), line.end(), '\n', ' ');
    return assignment("STATUS", line);
}

std::string ready(std::string_view sentence)
{
    return assignment("READY", "1") + status(sentence);
}

std::string stopping(std::string_view sentence)
{
    return assignment("STOPPING", "1") + status(sentence);
}

std::string hopeless(std::string_view sentence)
{
    return assignment("X_OSTLER_HOPELESS", "1") + status(sentence);
}

std::string reloading(std::chrono::microseconds now)
{
    return assignment("RELOADING", "1") + assignment("MONOTONIC_USEC", now);
}

std::string watchdog()
{
    return assignment("WATCHDOG", "1");
}

std::string extend_timeout(std::chrono::microseconds longer)
{
    return assignment("EXTEND_TIMEOUT_USEC", longer);
}

std::optional<std::chrono::microseconds> watchdog_interval(const char* usec, const char* pid,
                                                           pid_t main_process)
{
    const auto limit = positive_number(usec ? usec : "");
    if (!limit || (pid && positive_number(pid) != main_process))
        return std::nullopt;
    return std::chrono::microseconds{*limit} / 2;
}

} // namespace ostler::systemd
