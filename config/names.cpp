// SPDX-License-Identifier: MIT
#include "config/names.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

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

// Letters to change, add or take away to get from one word to the other.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
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
