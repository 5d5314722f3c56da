// SPDX-License-Identifier: MIT
#include "daemon/control_scope.hpp"

#include <algorithm>
#include <unistd.h>

namespace ostler
{
namespace
{

using Identity = std::optional<config::User>;

bool has_group(const config::User& user, gid_t group)
{
    return group == user.gid || std::ranges::count(user.groups, group) > 0;
}

// The same user, and no group more.
bool has_no_more(const Identity& one, const Identity& other)
{
    if (!one || !other)
        return !one && !other;
    return one->uid == other->uid && has_group(*other, one->gid) &&
           std::ranges::all_of(one->groups, [&](gid_t group) { return has_group(*other, group); });
}

std::string name_of(const Identity& user)
{
    return user ? user->name : "the daemon's own user";
}

} // namespace

bool ControlScope::covers(std::string_view pool) const
{
    return std::ranges::count(pools, pool) > 0;
}

std::string ControlScope::why_not_start(const Identity& as, const config::Pool& pool) const
{
    const Identity& of_pool = pool.program.user;
    if (!user || user->uid == ::geteuid() || has_no_more(as, user) || has_no_more(as, of_pool))
        return {};
    return "controller " + label + " may start workers as " + name_of(user) +
           ", which is its own user, or as " + name_of(of_pool) + ", which is that of pool " +
           pool.name + ", with the groups that those have: not as " + name_of(as);
}

} // namespace ostler
