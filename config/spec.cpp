// SPDX-License-Identifier: MIT
#include "config/spec.hpp"

#include <algorithm>

namespace ostler::config
{

namespace
{

template <typename T>
const T* find_named(const std::vector<T>& all, std::string_view name)
{
    const auto found = std::ranges::find(all, name, &T::name);
    return found == all.end() ? nullptr : &*found;
}

} // namespace

const Socket* find_socket(const Spec& spec, std::string_view name)
{
    return find_named(spec.sockets, name);
}

const Pool* find_pool(const Spec& spec, std::string_view name)
{
    return find_named(spec.pools, name);
}

Scheduling effective(const Socket& socket, const Spec& spec)
{
    if (socket.listen.family == Address::Family::udp)
        return Scheduling::shared;
    if (socket.scheduling != Scheduling::automatic)
        return socket.scheduling;
    const auto objects = [&](const Pool& pool) {
        return !abilities_of(pool.program.protocol).hand_overs &&
               std::ranges::count(pool.program.sockets, socket.name) > 0;
    };
    return std::ranges::any_of(spec.pools, objects) ? Scheduling::shared : Scheduling::round_robin;
}

} // namespace ostler::config
