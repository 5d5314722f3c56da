// SPDX-License-Identifier: MIT
#include "config/defaults.hpp"

#include <algorithm>

namespace ostler::config
{

namespace
{

using Kind = Value::Kind;

ValuePtr lay_under_each(const Value& pools, const Value& defaults)
{
    auto merged = std::make_shared<Value>(pools);
    for (Entry& pool : merged->entries)
        if (pool.value->kind == Kind::map)
            pool.value = lay_over(*pool.value, defaults, "defaults");
    return merged;
}

// The defaults grow with every pool, as an alias does.
bool fits(const Value& pools, const Value& defaults)
{
    const std::size_t count = std::max<std::size_t>(1, pools.entries.size());
    return defaults.size.nodes <= largest.nodes / count &&
           defaults.size.bytes <= largest.bytes / count;
}

} // namespace

ValuePtr with_defaults(const ValuePtr& root, Problems& problems)
{
    const Entry* defaults = root->find("defaults");
    const Entry* pools = root->find("pools");
    if (defaults && defaults->value->kind != Kind::map)
        problems.add(defaults->value->place, "defaults", "expected a map of the keys of a pool");
    else if (defaults && pools && !fits(*pools->value, *defaults->value))
        problems.add(defaults->place, "defaults", "too large for so many pools");
    else if (defaults && pools && pools->value->kind == Kind::map) {
        auto merged = std::make_shared<Value>(*root);
        const auto at = std::ranges::find(merged->entries, "pools", &Entry::key);
        at->value = lay_under_each(*pools->value, *defaults->value);
        return merged;
    }
    return root;
}

} // namespace ostler::config
