// SPDX-License-Identifier: MIT
#include "config/names.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "config/ports.hpp"

namespace ostler::config
{

namespace
{

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool within(char c, std::initializer_list<std::string_view> sets)
{
    return std::ranges::any_of(sets, [c](std::string_view set) { return set.find(c) != set.npos; });
}

// Letters to change, add, take away or swap with the next to get from one word to the other.
std::size_t distance(std::string_view a, std::string_view b)
{
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> cells((a.size() + 1) * width);
    const auto cell = [&](std::size_t i, std::size_t j) -> auto&
    {
        return cells[i * width + j];
    };
    for (std::size_t i = 0; i <= a.size(); ++i)
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cell(i, j) = i + j;
                continue;
            }
            const std::size_t changed = cell(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
            cell(i, j) = std::min({changed, cell(i - 1, j) + 1, cell(i, j - 1) + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cell(i, j) = std::min(cell(i, j), cell(i - 2, j - 2) + 1);
        }
    return cells.back();
}

} // namespace

bool valid_name(std::string_view name)
{
    return !name.empty() && name.size() <= 64 && within(name.front(), {lower}) &&
           std::ranges::all_of(name, [](char c) {
               return within(c, {lower, digits, "_-"});
           });
}

bool valid_variable(std::string_view name)
{
    return !name.empty() && !within(name.front(), {digits}) &&
           std::ranges::all_of(name, [](char c) {
               return within(c, {lower, upper, digits, "_"});
           });
}

bool set_by_ostlerd(std::string_view variable)
{
    constexpr std::array<std::string_view, 11> ours{
        "OSTLER_CHANNEL_FD", "OSTLER_CONTROL_FD", "OSTLER_WORKER_ID", "OSTLER_SLOT",
        "OSTLER_POOL",       "LISTEN_FDS",        "LISTEN_PID",       "LISTEN_FDNAMES",
        "NOTIFY_SOCKET",     "WATCHDOG_USEC",     "WATCHDOG_PID"};
    return std::ranges::count(ours, variable) > 0 || variable.starts_with(port_prefix);
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known)
{
    constexpr std::size_t longest = 64; // nobody mistypes more, and distance() takes the product
    if (word.size() > longest)
        return {};
    std::string_view best;
    std::size_t nearest = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string_view candidate : known)
        if (candidate.size() <= longest)
            if (const auto far = distance(word, candidate); far < nearest) {
                nearest = far;
                best = candidate;
            }
    return best.empty() ? "" : fmt::format("; did you mean \"{}\"?", best);
}

std::string one_of(const std::vector<std::string_view>& words)
{
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i)
        out += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
    return out;
}

} // namespace ostler::config
