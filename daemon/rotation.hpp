// SPDX-License-Identifier: MIT
// Strict rotation. Whoever is skipped loses this turn only, and each of the others gets exactly one
// turn a round, so like workers have like shares. Pure: it asks, and remembers whose turn it is.
#pragma once

#include <cstddef>
#include <optional>

namespace ostler
{

class Rotation
{
public:
    // The next of `count` that is willing; when nobody is, the next that has room at all. The turn
    // is used up only when taken() says so.
    template <typename Willing, typename HasRoom>
    [[nodiscard]] std::optional<std::size_t> choose(std::size_t count, Willing willing,
                                                    HasRoom has_room) const
    {
        if (const auto found = first(count, willing))
            return found;
        return first(count, has_room);
    }

    // Whose turn it is, if `stops` is true for somebody before anybody is willing.
    template <typename Willing, typename Stops>
    [[nodiscard]] bool stopped(std::size_t count, Willing willing, Stops stops) const
    {
        const auto either = [&](std::size_t who) { return willing(who) || stops(who); };
        const auto found = first(count, either);
        return found && !willing(*found);
    }

    void taken(std::size_t index) { next_ = index + 1; }

    // Those behind it move up by one.
    void removed(std::size_t index)
    {
        if (index < next_)
            --next_;
    }

private:
    template <typename Asked>
    std::optional<std::size_t> first(std::size_t count, const Asked& asked) const
    {
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t candidate = (next_ + i) % count;
            if (asked(candidate))
                return candidate;
        }
        return std::nullopt;
    }

    std::size_t next_ = 0; // after the last chosen
};

} // namespace ostler
