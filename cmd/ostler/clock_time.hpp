// SPDX-License-Identifier: MIT
// The time of day of something that happened, as this terminal's user has it.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace ostler::cli
{

inline std::string clock_time(std::int64_t microseconds) // since the epoch
{
    const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    char text[16];
    std::strftime(text, sizeof text, "%H:%M:%S", &local);
    return text;
}

} // namespace ostler::cli
