// SPDX-License-Identifier: MIT
// Signals and resource limits by the names that people know them by.
#include <csignal>
#include <cstring>
#include <sys/resource.h>

#include "config/scalars.hpp"

namespace ostler::config
{

namespace
{

using Unit = LimitName::Unit;
constexpr LimitName limits[] = {
    {"as", RLIMIT_AS, Unit::bytes},
    {"core", RLIMIT_CORE, Unit::bytes},
    {"cpu-seconds", RLIMIT_CPU, Unit::seconds},
    {"data", RLIMIT_DATA, Unit::bytes},
    {"fsize", RLIMIT_FSIZE, Unit::bytes},
    {"locks", RLIMIT_LOCKS, Unit::count},
    {"memlock", RLIMIT_MEMLOCK, Unit::bytes},
    {"msgqueue", RLIMIT_MSGQUEUE, Unit::bytes},
    {"nice", RLIMIT_NICE, Unit::count},
    {"nofile", RLIMIT_NOFILE, Unit::count},
    {"nproc", RLIMIT_NPROC, Unit::count},
    {"rss", RLIMIT_RSS, Unit::bytes},
    {"rtprio", RLIMIT_RTPRIO, Unit::count},
    {"sigpending", RLIMIT_SIGPENDING, Unit::count},
    {"stack", RLIMIT_STACK, Unit::bytes},
};

// glibc keeps two real-time signals for itself, so the first is known at run time only.
std::optional<int> parse_real_time(std::string_view name)
{
    if (name == "RTMIN")
        return SIGRTMIN;
    if (name == "RTMAX")
        return SIGRTMAX;
    if (!name.starts_with("RTMIN+"))
        return std::nullopt;
    const auto offset = parse_whole(name.substr(6));
    if (!offset || *offset < 0 || *offset > SIGRTMAX - SIGRTMIN)
        return std::nullopt;
    return SIGRTMIN + static_cast<int>(*offset);
}

} // namespace

std::optional<int> parse_signal(std::string_view text)
{
    if (text.starts_with("SIG"))
        text.remove_prefix(3);
    for (int number = 1; number < SIGRTMIN; ++number)
        if (const char* name = ::sigabbrev_np(number); name && text == name)
            return number;
    return parse_real_time(text);
}

const LimitName* find_limit(std::string_view name)
{
    for (const LimitName& limit : limits)
        if (limit.name == name)
            return &limit;
    return nullptr;
}

std::optional<std::uint64_t> parse_limit(const LimitName& limit, std::string_view text)
{
    if (text == "unlimited")
        return RLIM_INFINITY;
    if (limit.unit == Unit::bytes)
        return parse_size(text);
    if (limit.unit == Unit::seconds)
        if (const auto time = parse_duration(text))
            return static_cast<std::uint64_t>((*time + 999ms) / 1s);
    const auto count = parse_whole(text);
    return count && *count >= 0 ? std::optional{static_cast<std::uint64_t>(*count)} : std::nullopt;
}

} // namespace ostler::config
