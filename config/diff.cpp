// SPDX-License-Identifier: MIT
#include "config/diff.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ostler::config
{

namespace
{

using Names = std::vector<std::string>;

bool holds(const Names& names, const std::string& name)
{
    return std::ranges::count(names, name) > 0;
}

void compare(const Socket& before, const Socket& after, Difference& found)
{
    if (!bound_alike(before, after))
        found.sockets_rebound.push_back(after.name);
    else if (before != after)
        found.sockets_updated.push_back(after.name);
}

void diff_sockets(const Spec& from, const Spec& to, Difference& found)
{
    for (const Socket& before : from.sockets)
        if (!find_socket(to, before.name))
            found.sockets_removed.push_back(before.name);
    for (const Socket& after : to.sockets) {
        if (const Socket* before = find_socket(from, after.name))
            compare(*before, after, found);
        else
            found.sockets_added.push_back(after.name);
    }
}

// A socket that the workers of a pool hold, or are served from, is another one now.
bool served_differently(const Pool& pool, const Spec& from, const Spec& to, const Difference& found)
{
    return std::ranges::any_of(pool.program.sockets, [&](const std::string& name) {
        const Socket* before = find_socket(from, name);
        const Socket* after = find_socket(to, name);
        return holds(found.sockets_rebound, name) || !before || !after ||
               effective(*before, from) != effective(*after, to);
    });
}

// Whatever is not the program and not the count.
bool supervised_alike(Pool a, const Pool& b)
{
    a.program = b.program;
    a.workers = b.workers;
    return a == b;
}

void diff_pools(const Spec& from, const Spec& to, Difference& found)
{
    for (const Pool& before : from.pools)
        if (!find_pool(to, before.name))
            found.pools_removed.push_back(before.name);
    for (const Pool& after : to.pools) {
        const Pool* before = find_pool(from, after.name);
        if (!before) {
            found.pools_added.push_back(after.name);
            continue;
        }
        if (before->program != after.program || served_differently(after, from, to, found))
            found.pools_replaced.push_back(after.name);
        else if (!supervised_alike(*before, after))
            found.pools_updated.push_back(after.name);
        if (before->workers != after.workers)
            found.pools_scaled.push_back({after.name, before->workers, after.workers});
    }
}

bool access_alike(const Control& a, const Control& b)
{
    return a.observe == b.observe && a.operate == b.operate && a.administer == b.administer;
}

void diff_settings(const Spec& from, const Spec& to, Difference& found)
{
    const auto note = [&](bool alike, const char* name) {
        if (!alike)
            found.settings_updated.emplace_back(name);
    };
    note(access_alike(from.control, to.control), "control");
    note(from.log == to.log, "log");
    note(from.watch == to.watch, "watch");
    note(from.ready_when == to.ready_when, "ready_when");
    if (from.control.path != to.control.path)
        found.needs_restart.emplace_back(
            "control.path: stays as it is until the daemon is stopped and started again");
}

void say(std::vector<std::string>& lines, const Names& names, const char* kind, const char* what)
{
    for (const std::string& name : names)
        lines.push_back(fmt::format("{} {}: {}", kind, name, what));
}

} // namespace

bool Difference::empty() const
{
    return sockets_added.empty() && sockets_removed.empty() && sockets_rebound.empty() &&
           sockets_updated.empty() && pools_added.empty() && pools_removed.empty() &&
           pools_replaced.empty() && pools_updated.empty() && pools_scaled.empty() &&
           settings_updated.empty() && needs_restart.empty();
}

bool Difference::removes() const
{
    return !sockets_removed.empty() || !pools_removed.empty();
}

// v6only is fixed when a socket is bound.
bool bound_alike(const Socket& a, const Socket& b)
{
    return a.listen == b.listen && a.v6only == b.v6only;
}

Difference diff(const Spec& from, const Spec& to)
{
    Difference found;
    diff_sockets(from, to, found);
    diff_pools(from, to, found);
    diff_settings(from, to, found);
    return found;
}

void note_replaced(Difference& difference, const std::string& pool)
{
    if (holds(difference.pools_removed, pool) || holds(difference.pools_replaced, pool))
        return;
    std::erase(difference.pools_updated, pool);
    difference.pools_replaced.push_back(pool);
}

std::vector<std::string> describe(const Difference& difference)
{
    std::vector<std::string> lines;
    say(lines, difference.sockets_added, "socket", "new, will be bound");
    say(lines, difference.sockets_rebound, "socket", "another address, will be bound anew");
    say(lines, difference.sockets_updated, "socket", "same address, other options");
    say(lines, difference.pools_added, "pool", "new, will be started");
    say(lines, difference.pools_replaced, "pool",
        "changed, its workers will be replaced one by one");
    say(lines, difference.pools_updated, "pool", "supervised differently, no worker restarts");
    for (const auto& [pool, from, to] : difference.pools_scaled)
        lines.push_back(fmt::format("pool {}: {} → {} workers", pool, from, to));
    say(lines, difference.pools_removed, "pool", "removed, its workers will drain and stop");
    say(lines, difference.sockets_removed, "socket", "removed, will be closed");
    say(lines, difference.settings_updated, "setting", "changed, applies at once");
    lines.insert(lines.end(), difference.needs_restart.begin(), difference.needs_restart.end());
    return lines;
}

} // namespace ostler::config
