// SPDX-License-Identifier: MIT
// pools: {NAME: {exec: PROGRAM, …}}
#include <algorithm>
#include <array>

#include "config/lookup.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

constexpr std::string_view not_built[] = {"hooks",    "env_file", "capabilities",
                                          "liveness", "recycle",  "after"};

void read_workers(const Cursor& at, Pool& pool)
{
    if (at.kind() == Value::Kind::map)
        return at.complain("a count from `min` to `max` is designed, but not built yet: write a "
                           "number, or auto");
    const auto text = at.text("a whole number from 0 to 1024, or auto");
    if (text && *text == "auto")
        pool.workers = usable_cpus();
    else if (text)
        read_whole(at, pool.workers, {0, most_workers});
}

// A key of the pool whose value is part of its Program.
template <auto Read>
void program(const Cursor& at, Pool& pool)
{
    Read(at, pool.program);
}

void read_with_the_others(const Cursor&, Pool&) {} // user, group: by read_user()

constexpr Key<Pool> keys[] = {
    {"exec", program<read_exec>},
    {"args", program<read_args>},
    {"workers", read_workers},
    {"sockets", program<read_socket_names>},
    {"controller", program<read_controlled_pools>},
    {"listen_allow", program<member<&Program::listen_allow>>},
    {"protocol", program<member<&Program::protocol>>},
    {"env", program<read_env>},
    {"ports", program<read_ports>},
    {"env_clear", program<member<&Program::env_clear>>},
    {"cwd", program<read_cwd>},
    {"user", read_with_the_others},
    {"group", read_with_the_others},
    {"supplementary_groups", read_with_the_others},
    {"umask", program<read_umask>},
    {"nice", program<whole<&Program::nice, -20, 19>>},
    {"cpu_affinity", program<read_cpu_affinity>},
    {"oom_score_adj", program<whole<&Program::oom_score_adj, -1000, 1000>>},
    {"limits", program<read_limits>},
    {"no_new_privileges", program<member<&Program::no_new_privileges>>},
    {"stdout", program<member<&Program::out>>},
    {"stderr", program<member<&Program::err>>},
    {"ready", member<&Pool::ready>},
    {"restart", member<&Pool::restart>},
    {"stop", member<&Pool::stop>},
    {"rollout", member<&Pool::rollout>},
    {"messages", member<&Pool::messages>},
};

// The words of the design: listening where the pool lists sockets and the protocol can tell.
ReadyWhen default_for(const Program& program)
{
    const bool tells = abilities_of(program.protocol).channel && !program.sockets.empty();
    return tells ? ReadyWhen::listening : ReadyWhen::spawned;
}

Pool read_pool(const Cursor& at)
{
    Pool pool;
    pool.place = at.key_place();
    if (!read_name(at, pool.name))
        pool.name = at.key();
    read_map<Pool>(at, pool, keys, not_built);
    read_user(at, pool.program);
    if (at.kind() == Value::Kind::map && !at.has("exec"))
        at.complain_of_key("`exec` is missing: say which program its workers run");
    if (pool.program.cwd.empty())
        pool.program.cwd = at.reading().folder;
    const Cursor ready = at.nearest({"ready"});
    if (!at.has("ready") || !ready.has("when"))
        pool.ready.when = default_for(pool.program);
    return pool;
}

} // namespace

std::vector<Pool> read_pools(const Cursor& at)
{
    std::vector<Pool> pools;
    if (too_many(at))
        return pools;
    for (const Cursor& entry : at.entries("a map of pools"))
        pools.push_back(read_pool(entry));
    return pools;
}

} // namespace ostler::config
