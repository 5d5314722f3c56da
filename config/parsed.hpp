// SPDX-License-Identifier: MIT
// What became of a piece of text: a value, or a sentence about what is wrong with it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace ostler::config
{

struct Wrong {
    std::string sentence;
};

template <typename T>
class Parsed
{
public:
    Parsed(T value) : held_{std::in_place_index<0>, std::move(value)} {}
    Parsed(Wrong wrong) : held_{std::in_place_index<1>, std::move(wrong)} {}
    [[nodiscard]] explicit operator bool() const { return held_.index() == 0; }
    [[nodiscard]] const T& operator*() const { return std::get<0>(held_); }
    [[nodiscard]] const T* operator->() const { return &std::get<0>(held_); }
    [[nodiscard]] const std::string& wrong() const { return std::get<1>(held_).sentence; }

private:
    std::variant<T, Wrong> held_;
};

} // namespace ostler::config
