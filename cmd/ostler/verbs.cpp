// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "config/names.hpp"

namespace ostler::cli
{
namespace
{

const std::array<Verb, 14> table{{
    {"start",
     "[--config FILE] | POOL",
     "start a daemon in the background, or a stopped pool",
     {"config", "insecure-spec"},
     0,
     1,
     run_start},
    {"stop",
     "[POOL] [--now]",
     "drain and stop everything, or a pool; returns when nothing is left",
     {"now"},
     0,
     1,
     run_stop},
    {"reload",
     "[--dry-run]",
     "read the spec again and change what differs",
     {"dry-run"},
     0,
     0,
     run_reload},
    {"restart",
     "[POOL|WORKER]",
     "replace workers one by one, without a lost connection",
     {},
     0,
     1,
     run_restart},
    {"status", "[POOL] [--watch]", "what runs", {"watch"}, 0, 1, run_status},
    {"scale", "POOL N", "change the number of workers", {}, 2, 2, run_scale},
    {"fork",
     "POOL [-e NAME=VALUE]...",
     "one more worker than the spec wants, not started again",
     {"env"},
     1,
     1,
     run_fork},
    {"disconnect",
     "WORKER",
     "drain a worker, which is not started again",
     {},
     1,
     1,
     run_disconnect},
    {"kill",
     "WORKER [SIGNAL]",
     "send a signal now; the policy decides what follows",
     {},
     1,
     2,
     run_kill},
    {"send",
     "POOL|WORKER TEXT|- [--content json]",
     "send a message; -: what stands on standard input",
     {"content"},
     2,
     2,
     run_send},
    {"events",
     "[POOL|WORKER] [-f] [--since N]",
     "what happened to the workers",
     {"follow", "since"},
     0,
     1,
     run_events},
    {"logs",
     "[POOL|WORKER] [-f] [-n N]",
     "what the workers printed",
     {"follow", "number"},
     0,
     1,
     run_logs},
    {"check",
     "FILE",
     "every mistake in a spec, without a daemon",
     {"insecure-spec"},
     1,
     1,
     run_check},
    {"run",
     "[-n N] [-l ADDR]... -- CMD ARG...",
     "a pool without a spec file, in the foreground",
     {"number", "listen", "protocol"},
     0,
     0,
     run_run},
}};

// Designed, and to come.
constexpr std::array later{"schema", "upgrade", "top"};

} // namespace

std::span<const Verb> verbs()
{
    return table;
}

const Verb* find_verb(std::string_view name)
{
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const Verb& verb) { return verb.name == name; });
    return found == table.end() ? nullptr : &*found;
}

std::string unknown_verb(std::string_view name)
{
    const std::string quoted = "\"" + std::string{name} + "\"";
    if (std::find(later.begin(), later.end(), name) != later.end())
        return quoted + " is not built yet; see ostler --help for what is";
    std::vector<std::string_view> names(table.size());
    std::ranges::transform(table, names.begin(), &Verb::name);
    const std::string meant = config::suggestion(name, names);
    return "there is no verb " + quoted + (meant.empty() ? "; see ostler --help" : meant);
}

} // namespace ostler::cli
