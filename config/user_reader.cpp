// SPDX-License-Identifier: MIT
// Whom the workers of a pool run as: user, group and supplementary_groups together.
#include <unistd.h>

#include "config/lookup.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

std::optional<Account> read_account(const Cursor& pool)
{
    const Cursor at = pool.nearest({"user"});
    const auto name =
        pool.has("user") ? at.text("the name of a user") : std::to_string(::geteuid());
    if (!name)
        return std::nullopt;
    const auto user = find_user(*name);
    if (user)
        return *user;
    at.complain(user.wrong());
    return std::nullopt;
}

std::optional<gid_t> read_group(const Cursor& at)
{
    const auto name = at.text("the name of a group");
    if (!name)
        return std::nullopt;
    const auto group = find_group(*name);
    if (group)
        return *group;
    at.complain(group.wrong());
    return std::nullopt;
}

std::vector<gid_t> read_groups(const Cursor& at)
{
    std::vector<gid_t> groups;
    for (const Cursor& item : at.items("a list of groups"))
        if (const auto group = read_group(item))
            groups.push_back(*group);
    return groups;
}

} // namespace

void read_user(const Cursor& pool, Program& program)
{
    if (!pool.has("user") && !pool.has("group") && !pool.has("supplementary_groups"))
        return;
    const auto account = read_account(pool);
    const auto named = pool.has("group") ? read_group(pool.nearest({"group"})) : std::nullopt;
    const bool listed = pool.has("supplementary_groups");
    auto groups =
        listed ? read_groups(pool.nearest({"supplementary_groups"})) : std::vector<gid_t>{};
    if (!account || (pool.has("group") && !named))
        return;
    if (!named && !account->gid)
        return pool.nearest({"user"}).complain(fmt::format(
            "user {} has no entry on this machine: name the `group` too", account->name));
    const gid_t gid = named ? *named : *account->gid;
    if (!listed)
        groups = groups_of(*account, gid);
    program.user = User{account->uid, gid, std::move(groups), account->name, account->home};
}

} // namespace ostler::config
