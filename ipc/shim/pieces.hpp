// SPDX-License-Identifier: MIT
// Pieces of a text. std::string_view's substr() and starts_with() may throw, which needs more than
// libc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace ostler::shim
{

constexpr std::string_view first(std::string_view text, std::size_t size)
{
    return {text.data(), std::min(size, text.size())};
}

constexpr std::string_view behind(std::string_view text, std::size_t size)
{
    const std::size_t skipped = std::min(size, text.size());
    return {text.data() + skipped, text.size() - skipped};
}

constexpr bool begins_with(std::string_view text, std::string_view start)
{
    return first(text, start.size()) == start;
}

constexpr bool ends_with(std::string_view text, std::string_view end)
{
    return text.size() >= end.size() && behind(text, text.size() - end.size()) == end;
}

} // namespace ostler::shim
