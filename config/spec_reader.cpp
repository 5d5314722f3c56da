// SPDX-License-Identifier: MIT
// The top of the file.
#include <algorithm>

#include "config/address.hpp"
#include "config/lookup.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

constexpr std::string_view not_built[] = {"http"};

void read_control_path(const Cursor& at, Control& control)
{
    read(at, control.path);
    if (control.path.empty())
        return;
    control.path = absolute(control.path, at.reading().folder);
    if (control.path.size() > longest_unix_path)
        at.complain(fmt::format("{} is longer than the {} bytes that the path of a Unix socket may "
                                "have",
                                quote(control.path), longest_unix_path));
}

void read_member(const Cursor& at, Access& access)
{
    const auto name = at.text("the name of a user, or of a group with @");
    if (!name)
        return;
    if (name->starts_with('@')) {
        const auto group = find_group(name->substr(1));
        group ? access.groups.push_back(*group) : at.complain(group.wrong());
    } else {
        const auto user = find_user(*name);
        user ? access.users.push_back(user->uid) : at.complain(user.wrong());
    }
}

template <auto Member>
void role(const Cursor& at, Control& control)
{
    for (const Cursor& item : at.items("a list of users and @groups"))
        read_member(item, control.*Member);
}

constexpr Key<Control> control_keys[] = {
    {"path", read_control_path},
    {"observe", role<&Control::observe>},
    {"operate", role<&Control::operate>},
    {"administer", role<&Control::administer>},
};

constexpr Key<Log> log_keys[] = {
    {"level", member<&Log::level>},
    {"format", member<&Log::format>},
};

void read_ready_when(const Cursor& at, Spec& spec)
{
    const auto text = at.text("all, any, or a number of pools");
    if (text && *text == "any")
        spec.ready_when = 1;
    else if (text && *text != "all")
        read_whole(at, spec.ready_when.emplace(), {1, most_of_a_kind});
}

void read_with_the_pools(const Cursor&, Spec&) {} // defaults

constexpr Key<Spec> keys[] = {
    {"control", member<&Spec::control>},
    {"log", member<&Spec::log>},
    {"watch", member<&Spec::watch>},
    {"ready_when", read_ready_when},
    {"defaults", read_with_the_pools},
    {"sockets", [](const Cursor& at, Spec& spec) { spec.sockets = read_sockets(at); }},
    {"pools", [](const Cursor& at, Spec& spec) { spec.pools = read_pools(at); }},
};

} // namespace

void read(const Cursor& at, Control& into)
{
    read_map<Control>(at, into, control_keys);
}

void read(const Cursor& at, Log& into)
{
    read_map<Log>(at, into, log_keys);
}

Spec read_spec(const Cursor& root)
{
    Spec spec;
    read_map<Spec>(root, spec, keys, not_built);
    if (!root.has("pools"))
        root.complain_of_key("`pools` is missing: name at least one pool, like pools: {hello: "
                             "{exec: /path/to/program}}");
    else if (const Cursor pools = root.nearest({"pools"});
             pools.kind() == Value::Kind::map && pools.node().entries.empty())
        pools.complain("there is no pool: name at least one");
    return spec;
}

} // namespace ostler::config
