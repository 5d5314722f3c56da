// SPDX-License-Identifier: MIT
// The lanes of one listener, in the order in which they came, and whose turn it is. Owns none.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/lane.hpp"
#include "daemon/rotation.hpp"

namespace ostler
{

class Lanes
{
public:
    using Clock = Lane::Clock;

    void add(Lane& lane) { lanes_.push_back(&lane); }
    void remove(const Lane& lane);
    [[nodiscard]] Lane* find(std::uint64_t number) const;

    // Who gets the next one; null when nobody has room. `except` may be null.
    [[nodiscard]] Lane* choose(Clock::time_point now, const Lane* except = nullptr) const;
    // It is the turn of one that is full, and worth waiting for: on a machine whose processors are
    // all at work that costs nothing, and giving its turns away would cost the even shares.
    [[nodiscard]] bool somebody_coming(Clock::time_point now) const;
    void took_turn(const Lane& lane);

    // Is there somebody better for what waits in `lane`?
    enum class Spare { room, idle };
    [[nodiscard]] bool another(const Lane& lane, Clock::time_point now, Spare spare) const;

    [[nodiscard]] auto begin() const { return lanes_.begin(); }
    [[nodiscard]] auto end() const { return lanes_.end(); }

private:
    std::vector<Lane*> lanes_;
    Rotation rotation_;
};

} // namespace ostler
