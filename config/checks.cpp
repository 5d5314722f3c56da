// SPDX-License-Identifier: MIT
#include "config/checks.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <unordered_map>

#include "config/address.hpp"
#include "config/names.hpp"
#include "config/permissions.hpp"
#include "config/variables.hpp"
#include "config/words.hpp"

namespace ostler::config
{

namespace
{

struct Check {
    const Spec& spec;
    const Cursor& root;
    [[nodiscard]] Cursor at(const Pool& pool, std::string_view key) const
    {
        return root.nearest({"pools", pool.name, key});
    }
    [[nodiscard]] Cursor at(const Socket& socket, std::string_view key) const
    {
        return root.nearest({"sockets", socket.name, key});
    }
};

// A list of names in a pool: each must be known, and be there once.
void check_names(const Cursor& at, const std::vector<std::string>& names,
                 const std::vector<std::string_view>& known, std::string_view kind)
{
    if (at.kind() != Value::Kind::list)
        return;
    const auto items = at.items();
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto before = names.begin() + static_cast<std::ptrdiff_t>(i);
        if (names[i].empty())
            continue; // complained of already
        if (std::ranges::count(known, names[i]) == 0)
            items[i].complain(fmt::format("there is no {} {}{}", kind, quote(names[i]),
                                          suggestion(names[i], known)));
        else if (std::find(names.begin(), before, names[i]) != before)
            items[i].complain(fmt::format("{} {} is listed twice", kind, quote(names[i])));
    }
}

std::vector<std::string_view> names_of(const auto& all)
{
    std::vector<std::string_view> names;
    names.reserve(all.size());
    for (const auto& one : all)
        names.push_back(one.name);
    return names;
}

void check_socket_names(const Check& check, const Pool& pool)
{
    check_names(check.at(pool, "sockets"), pool.program.sockets, names_of(check.spec.sockets),
                "socket");
}

void check_controlled_pools(const Check& check, const Pool& pool)
{
    const Cursor at = check.at(pool, "controller");
    const auto& names = pool.program.controls;
    check_names(at, names, names_of(check.spec.pools), "pool");
    for (std::size_t i = 0; i < names.size() && at.kind() == Value::Kind::list; ++i)
        if (names[i] == pool.name)
            at.items()[i].complain("a pool does not control itself: name other pools, or make its "
                                   "controller a pool of its own");
}

// No two workers get the same number, and none that of a socket. The first that meets another names
// both.
void check_ports(const Check& check)
{
    std::unordered_map<unsigned, std::string> taken; // by whom
    for (const Socket& socket : check.spec.sockets)
        if (socket.listen.port != 0)
            taken.emplace(socket.listen.port, "the port of socket " + socket.name);
    const auto take = [&](const Pool& pool, const Port& port) {
        const std::string us = fmt::format("{} of pool {}", port.name, pool.name);
        for (unsigned slot = 0; slot < places(pool); ++slot) {
            const auto [entry, fresh] = taken.try_emplace(number_of(port, slot), us);
            if (!fresh && entry->second != us)
                return check.root.nearest({"pools", pool.name, "ports", port.name, "base"})
                    .complain(fmt::format(
                        "slot {} would get {}, which is {} already: leave more room between them "
                        "(pool {} takes {}, one for each worker and for each of rollout.surge)",
                        slot, entry->first, entry->second, pool.name, places(pool)));
        }
    };
    for (const Pool& pool : check.spec.pools)
        for (const Port& port : pool.program.ports)
            if (port.base != 0) // else complained of already
                take(pool, port);
}

void check_port_variables(const Check& check, const Pool& pool)
{
    if (const auto name = undeclared_port(pool.program))
        check.at(pool, "ports")
            .complain(
                fmt::format("${{{}}} is used in this pool, and `ports` has no such entry", *name));
}

void check_protocol(const Check& check, const Pool& pool)
{
    if (!abilities_of(pool.program.protocol).sockets && !pool.program.sockets.empty())
        check.at(pool, "sockets")
            .complain_of_key(fmt::format("a program with `protocol: {}` cannot be given sockets: "
                                         "remove them, or choose ostler or systemd",
                                         word_for(pool.program.protocol)));
}

// What a program can tell of itself, by the protocol it speaks.
void check_ready(const Check& check, const Pool& pool)
{
    const Cursor at = check.root.nearest({"pools", pool.name, "ready", "when"});
    const ReadyWhen when = pool.ready.when;
    if (when == ReadyWhen::spawned)
        return;
    if (pool.program.protocol == Protocol::systemd && when == ReadyWhen::notify)
        at.complain("readiness by NOTIFY_SOCKET is designed, but not built yet: use spawned");
    else if (!abilities_of(pool.program.protocol).channel)
        at.complain(fmt::format(
            "a program with `protocol: {}` cannot say that it is {}: use spawned",
            word_for(pool.program.protocol), when == ReadyWhen::notify ? "ready" : word_for(when)));
}

void check_hand_overs(const Check& check, const Socket& socket)
{
    if (socket.scheduling != Scheduling::round_robin)
        return;
    const Cursor at = check.at(socket, "scheduling");
    if (socket.listen.family == Address::Family::udp)
        return at.complain("UDP has no connections to hand over: use auto or shared");
    for (const Pool& pool : check.spec.pools)
        if (const Abilities has = abilities_of(pool.program.protocol);
            has.sockets && !has.hand_overs &&
            std::ranges::count(pool.program.sockets, socket.name) > 0)
            at.complain(fmt::format("pool {} speaks {}, which cannot be handed connections: use "
                                    "auto or shared",
                                    pool.name, word_for(pool.program.protocol)));
}

void check_addresses(const Check& check)
{
    const auto& sockets = check.spec.sockets;
    for (auto second = sockets.begin(); second != sockets.end(); ++second) {
        const auto first = std::find_if(sockets.begin(), second, [&](const Socket& other) {
            return clash(other, *second) && !other.listen.text.empty();
        });
        if (first == second || second->listen.text.empty())
            continue;
        if (second->listen.family == Address::Family::inherited)
            check.at(*second, "listen")
                .complain(fmt::format("is socket {} already: list that one", first->name));
        else
            check.at(*second, "listen")
                .complain(fmt::format("cannot be bound beside socket {} ({}), which takes the same "
                                      "address",
                                      first->name, first->listen.text));
    }
}

void check_ready_when(const Check& check)
{
    const std::size_t pools = check.spec.pools.size();
    if (check.spec.ready_when && *check.spec.ready_when > pools)
        check.root.nearest({"ready_when"})
            .complain(fmt::format("there {} only {} pool{}", pools == 1 ? "is" : "are", pools,
                                  pools == 1 ? "" : "s"));
}

} // namespace

unsigned places(const Pool& pool)
{
    return pool.workers + pool.rollout.surge;
}

std::optional<std::string> undeclared_port(const Program& program)
{
    std::vector<std::string_view> texts{program.cwd, program.out.path, program.err.path};
    texts.insert(texts.end(), program.args.begin(), program.args.end());
    for (const auto& [name, value] : program.env)
        texts.push_back(value);
    for (const std::string_view text : texts)
        for (const std::string_view name : needs_of_worker(text))
            if (name.starts_with(port_prefix) &&
                std::ranges::none_of(program.ports,
                                     [&](const Port& port) { return variable_of(port) == name; }))
                return std::string{name};
    return std::nullopt;
}

void check_together(const Spec& spec, const Cursor& root)
{
    const Check check{spec, root};
    for (const Pool& pool : spec.pools) {
        check_socket_names(check, pool);
        check_controlled_pools(check, pool);
        check_port_variables(check, pool);
        check_protocol(check, pool);
        check_ready(check, pool);
    }
    for (const Socket& socket : spec.sockets)
        check_hand_overs(check, socket);
    check_addresses(check);
    check_ports(check);
    check_ready_when(check);
}

void check_programs_of_root(const Spec& spec, const Cursor& root)
{
    for (const Pool& pool : spec.pools)
        if (const auto why = distrust_as_root(pool.program))
            root.nearest({"pools", pool.name, "exec"}).complain(*why);
}

} // namespace ostler::config
