// SPDX-License-Identifier: MIT
// A map of the spec as a table: key → what reads it. What is in the file and not in the table is a
// complaint.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "config/cursor.hpp"

namespace ostler::config
{

template <typename T>
struct Key {
    std::string_view name;
    void (*read)(const Cursor& at, T& into);
};

// Complains of a key that has no reader.
void refuse_key(const Cursor& at, std::span<const std::string_view> not_built,
                const std::vector<std::string_view>& known);

template <typename T>
void read_map(const Cursor& map, T& into, std::span<const Key<T>> keys,
              std::span<const std::string_view> not_built = {})
{
    std::vector<std::string_view> known;
    for (const auto& key : keys)
        known.push_back(key.name);
    for (const Cursor& at : map.entries()) {
        const auto key = std::ranges::find(keys, std::string_view{at.key()}, &Key<T>::name);
        if (key != keys.end())
            key->read(at, into);
        else if (!at.key().starts_with("x-"))
            refuse_key(at, not_built, known);
    }
}

// For tables: reads a member by the read() of its type, found where the table is used.
template <typename>
struct MemberOf;
template <typename Owner_, typename Type>
struct MemberOf<Type Owner_::*> {
    using Owner = Owner_;
};
template <auto Member>
void member(const Cursor& at, typename MemberOf<decltype(Member)>::Owner& owner)
{
    read(at, owner.*Member);
}

} // namespace ostler::config
