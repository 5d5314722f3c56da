// SPDX-License-Identifier: MIT
// Which workers somebody wants to hear of: all, those of a pool, of a slot, or one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ostler
{

struct WorkerFilter {
    std::vector<std::string> within; // these pools, whatever is asked for; none: all there are
    std::string pool;                // empty: of every pool
    std::optional<unsigned> slot;
    std::uint64_t worker = 0; // 0: whichever

    // "" (all), "api", "api/2" or a worker's id.
    [[nodiscard]] static WorkerFilter of(std::string_view target);

    [[nodiscard]] bool covers(std::string_view its_pool, unsigned its_slot) const
    {
        return (pool.empty() || pool == its_pool) && (!slot || *slot == its_slot) &&
               (within.empty() || std::ranges::count(within, its_pool) > 0);
    }
    [[nodiscard]] bool covers(std::string_view its_pool, unsigned its_slot,
                              std::uint64_t its_id) const
    {
        return covers(its_pool, its_slot) && (worker == 0 || worker == its_id);
    }
};

} // namespace ostler
