// SPDX-License-Identifier: MIT
#include "config/scalars.hpp"

#include <charconv>
#include <cmath>
#include <string>

namespace ostler::config
{

namespace
{

template <typename T>
std::optional<T> whole_text(std::string_view text)
{
    T value{};
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stopped != end)
        return std::nullopt;
    return value;
}

// Takes the digits that `rest` begins with.
std::optional<std::uint64_t> take_digits(std::string_view& rest)
{
    const auto length = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto value = whole_text<std::uint64_t>(rest.substr(0, length));
    rest.remove_prefix(length);
    return value;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
// From large to small: "1m30s" is a duration, "30s1m" is a mistake.
constexpr Unit times[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr std::uint64_t longest = 3650ULL * 86'400'000;

constexpr Unit sizes[] = {{"", 1},           {"B", 1},          {"K", 1ULL << 10},
                          {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}};

// The next part of a duration must be in a smaller unit than the last one.
std::optional<std::uint64_t> take_time(std::string_view& rest, const Unit*& smaller_than)
{
    const auto count = take_digits(rest);
    const auto length = std::min(rest.find_first_of("0123456789"), rest.size());
    const auto name = rest.substr(0, length);
    rest.remove_prefix(length);
    while (smaller_than != std::end(times) && smaller_than->name != name)
        ++smaller_than;
    if (!count || smaller_than == std::end(times) || *count > longest / smaller_than->factor)
        return std::nullopt;
    return *count * (smaller_than++)->factor;
}

} // namespace

std::optional<std::int64_t> parse_whole(std::string_view text)
{
    return whole_text<std::int64_t>(text);
}

std::optional<double> parse_number(std::string_view text)
{
    const auto value = whole_text<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text)
{
    if (text == "0")
        return Duration{0};
    if (text.empty())
        return std::nullopt;
    std::uint64_t sum = 0;
    for (const Unit* unit = std::begin(times); !text.empty();) {
        const auto part = take_time(text, unit);
        if (!part)
            return std::nullopt;
        sum += *part;
    }
    return sum <= longest ? std::optional{Duration{sum}} : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    const auto count = take_digits(text);
    if (text.size() == 3 && text.ends_with("iB"))
        text.remove_suffix(2);
    for (const Unit& unit : sizes)
        if (count && unit.name == text && *count <= INT64_MAX / unit.factor)
            return *count * unit.factor;
    return std::nullopt;
}

std::optional<double> parse_percent(std::string_view text)
{
    if (!text.ends_with('%'))
        return std::nullopt;
    const auto value = parse_number(text.substr(0, text.size() - 1));
    return value && *value >= 0 && *value <= 100 ? std::optional{*value / 100} : std::nullopt;
}

std::optional<mode_t> parse_mode(std::string_view text)
{
    const bool octal = text.starts_with('0') && (text.size() == 4 || text.size() == 3) &&
                       text.find_first_not_of("01234567") == std::string_view::npos;
    if (!octal)
        return std::nullopt;
    mode_t mode = 0;
    std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    return mode;
}

} // namespace ostler::config
