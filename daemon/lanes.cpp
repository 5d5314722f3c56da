// SPDX-License-Identifier: MIT
#include "daemon/lanes.hpp"

#include <algorithm>

namespace ostler
{

void Lanes::remove(const Lane& lane)
{
    const auto found = std::find(lanes_.begin(), lanes_.end(), &lane);
    if (found == lanes_.end())
        return;
    rotation_.removed(static_cast<std::size_t>(found - lanes_.begin()));
    lanes_.erase(found);
}

Lane* Lanes::find(std::uint64_t number) const
{
    const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                    [&](const Lane* lane) { return lane->number() == number; });
    return found == lanes_.end() ? nullptr : *found;
}

Lane* Lanes::choose(Clock::time_point now, const Lane* except) const
{
    const auto willing = [&](std::size_t i) {
        return lanes_[i] != except && lanes_[i]->willing(now);
    };
    const auto has_room = [&](std::size_t i) {
        return lanes_[i] != except && lanes_[i]->has_room();
    };
    const auto chosen = rotation_.choose(lanes_.size(), willing, has_room);
    return chosen ? lanes_[*chosen] : nullptr;
}

bool Lanes::somebody_coming(Clock::time_point now) const
{
    return rotation_.stopped(
        lanes_.size(), [&](std::size_t i) { return lanes_[i]->willing(now); },
        [&](std::size_t i) { return lanes_[i]->coming(now); });
}

void Lanes::took_turn(const Lane& lane)
{
    const auto found = std::find(lanes_.begin(), lanes_.end(), &lane);
    rotation_.taken(static_cast<std::size_t>(found - lanes_.begin()));
}

bool Lanes::another(const Lane& lane, Clock::time_point now, Spare spare) const
{
    return std::any_of(lanes_.begin(), lanes_.end(), [&](Lane* other) {
        return other != &lane && other->willing(now) &&
               (spare == Spare::room || other->waiting() == 0);
    });
}

} // namespace ostler
