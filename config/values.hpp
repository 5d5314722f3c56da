// SPDX-License-Identifier: MIT
// Readers of single values: one overload a type, each with its complaint.
#pragma once

#include <fmt/format.h>
#include <limits>
#include <string>
#include <vector>

#include "config/cursor.hpp"
#include "config/keys.hpp"
#include "config/names.hpp"
#include "config/words.hpp"

namespace ostler::config
{

void read(const Cursor& at, bool& into);
void read(const Cursor& at, Duration& into);
void read(const Cursor& at, std::string& into);
void read_text_for_workers(const Cursor& at, std::string& into);
void read_positive_duration(const Cursor& at, Duration& into);
void read_percent(const Cursor& at, double& into);
void read_mode(const Cursor& at, mode_t& into);
void read_signal(const Cursor& at, int& into);

struct Range {
    std::int64_t from;
    std::int64_t to;
};
[[nodiscard]] std::optional<std::int64_t> whole_number(const Cursor& at, Range range);

template <typename T>
void read_whole(const Cursor& at, T& into, Range range)
{
    if (const auto number = whole_number(at, range))
        into = static_cast<T>(*number);
}
template <auto Member, std::int64_t From, std::int64_t To>
void whole(const Cursor& at, typename MemberOf<decltype(Member)>::Owner& owner)
{
    using Type = std::remove_reference_t<decltype(owner.*Member)>;
    if constexpr (requires { typename Type::value_type; }) // an optional
        read_whole(at, (owner.*Member).emplace(), {From, To});
    else
        read_whole(at, owner.*Member, {From, To});
}
// A list of them.
template <typename T>
void read_whole_list(const Cursor& at, std::vector<T>& into, Range range)
{
    into.clear();
    for (const Cursor& item : at.items("a list of whole numbers"))
        read_whole(item, into.emplace_back(), range);
}

// The index of the word of this value in `words`, or a complaint.
[[nodiscard]] std::optional<std::size_t> choice(const Cursor& at,
                                                const std::vector<std::string_view>& words,
                                                std::span<const std::string_view> not_built);
template <typename E>
requires std::is_enum_v<E>
void read(const Cursor& at, E& into)
{
    std::vector<std::string_view> words;
    words.reserve(words_of<E>.size());
    for (const auto& word : words_of<E>)
        words.push_back(word.word);
    if (const auto index = choice(at, words, words_not_built<E>))
        into = words_of<E>.at(*index).value;
}

} // namespace ostler::config
