// SPDX-License-Identifier: MIT
#include "config/tree.hpp"

#include <algorithm>
#include <unordered_map>

namespace ostler::config
{

void Size::contain(const Size& inner)
{
    nodes += inner.nodes;
    bytes += inner.bytes;
    depth = std::max(depth, inner.depth + 1);
}

const Entry* Value::find(std::string_view key) const
{
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : &*found;
}

namespace
{

using Index = std::unordered_map<std::string_view, std::size_t>;

Index index_of(const std::vector<Entry>& entries)
{
    Index index;
    for (std::size_t i = 0; i < entries.size(); ++i)
        index.emplace(entries[i].key, i);
    return index;
}

bool both_maps(const ValuePtr& a, const ValuePtr& b)
{
    return a->kind == Value::Kind::map && b->kind == Value::Kind::map;
}

} // namespace

ValuePtr lay_over(const Value& over, const Value& under, const std::string& origin)
{
    auto merged = std::make_shared<Value>(over);
    const Index index = index_of(over.entries);
    for (const Entry& entry : under.entries) {
        const std::string from = origin + "." + printable(entry.key);
        const auto own = index.find(entry.key);
        if (own == index.end()) {
            merged->entries.push_back({entry.key, entry.place, from, entry.value});
            continue;
        }
        ValuePtr& kept = merged->entries[own->second].value;
        if (both_maps(kept, entry.value))
            kept = lay_over(*kept, *entry.value, from);
    }
    return merged;
}

} // namespace ostler::config
