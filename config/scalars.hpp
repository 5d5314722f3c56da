// SPDX-License-Identifier: MIT
// The notations of single values. Pure: no notation depends on the machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

#include "config/spec.hpp"

namespace ostler::config
{

// "42", "-5": all of the text, nothing else.
[[nodiscard]] std::optional<std::int64_t> parse_whole(std::string_view text);
[[nodiscard]] std::optional<double> parse_number(std::string_view text); // finite

// "250ms", "30s", "1m30s", "2h", "7d"; a bare number only if it is 0. At most ten years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

// "65536", "64K", "512M", "2G", "1T" (powers of 1024; "KiB" and "B" are understood too).
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// "25%" is 0.25; from 0% to 100%.
[[nodiscard]] std::optional<double> parse_percent(std::string_view text);

// "0660": octal, and it must look it.
[[nodiscard]] std::optional<mode_t> parse_mode(std::string_view text);

// "SIGTERM", "TERM", "SIGRTMIN+3".
[[nodiscard]] std::optional<int> parse_signal(std::string_view text);

// One of setrlimit's by its name in a shell's or systemd's words: "nofile", "core", …
struct LimitName {
    enum class Unit { count, bytes, seconds };
    std::string_view name;
    int resource;
    Unit unit;
};
[[nodiscard]] const LimitName* find_limit(std::string_view name);
// In the unit of the limit, or "unlimited".
[[nodiscard]] std::optional<std::uint64_t> parse_limit(const LimitName& limit,
                                                       std::string_view text);

} // namespace ostler::config
