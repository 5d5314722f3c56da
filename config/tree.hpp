// SPDX-License-Identifier: MIT
// The YAML document as a tree of our own: every value and key knows its place, duplicate keys have
// been reported, aliases and merge keys (`<<`) are resolved, and its size is bounded however it
// was written.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.hpp"

namespace ostler::config
{

struct Value;
using ValuePtr = std::shared_ptr<const Value>; // shared by the aliases of an anchor

struct Entry {
    std::string key;
    Place place;        // of the key
    std::string origin; // "defaults.stop": where it was written, if not in the map it is in
    ValuePtr value;
};

// How large a value is with every alias in it written out.
struct Size {
    std::size_t nodes = 1;
    std::size_t bytes = 0;
    std::size_t depth = 1;
    void contain(const Size& inner);
};
inline constexpr Size largest{.nodes = 100'000, .bytes = 4 << 20, .depth = 32};
inline constexpr std::size_t longest_text = 1 << 20;

struct Value {
    enum class Kind { nothing, text, list, map };
    Kind kind = Kind::nothing;
    Place place;
    bool in_quotes = false;
    std::string text;
    std::vector<ValuePtr> items;
    std::vector<Entry> entries;
    Size size;

    [[nodiscard]] const Entry* find(std::string_view key) const;
};

// The document, or null when there is none to look at; what is wrong with it is in `problems`.
[[nodiscard]] ValuePtr parse_tree(const std::string& text, Problems& problems);

// The map `over`, with the entries of the map `under` that it lacks; maps in both are laid over
// each other in turn. What comes from `under` says so: its origin is `origin`, a dot and its key.
[[nodiscard]] ValuePtr lay_over(const Value& over, const Value& under, const std::string& origin);

} // namespace ostler::config
