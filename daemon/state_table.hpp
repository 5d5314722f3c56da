// SPDX-License-Identifier: MIT
// What the tables of states have in common: a rule a row, looked up by state and event, and checks
// for the compiler.
#pragma once

#include <array>
#include <cstddef>

namespace ostler
{

template <typename State, typename Event, typename Effect>
struct Rule {
    State from;
    Event on;
    State to;
    Effect effect;
};

template <typename R, std::size_t N>
constexpr bool has_rule(const std::array<R, N>& table, decltype(R::from) from, decltype(R::on) on)
{
    for (const R& rule : table)
        if (rule.from == from && rule.on == on)
            return true;
    return false;
}

template <typename R, std::size_t N>
constexpr const R* find_rule(const std::array<R, N>& table, decltype(R::from) from,
                             decltype(R::on) on)
{
    for (const R& rule : table)
        if (rule.from == from && rule.on == on)
            return &rule;
    return nullptr;
}

template <typename R, std::size_t N>
constexpr bool no_two_rules_share_a_cell(const std::array<R, N>& table)
{
    for (std::size_t i = 0; i < N; ++i)
        for (std::size_t j = i + 1; j < N; ++j)
            if (table[i].from == table[j].from && table[i].on == table[j].on)
                return false;
    return true;
}

template <typename R, std::size_t N>
constexpr bool nothing_leaves(const std::array<R, N>& table, decltype(R::from) state)
{
    for (const R& rule : table)
        if (rule.from == state)
            return false;
    return true;
}

} // namespace ostler
