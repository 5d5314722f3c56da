// SPDX-License-Identifier: MIT
// The verbs: what each is called, takes and does. One file a verb; this table is what --help
// prints.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cmd/ostler/call.hpp"

namespace ostler::cli
{

struct Verb {
    std::string_view name;
    std::string_view usage;                // after the name
    std::string_view summary;              // one line
    std::vector<std::string_view> options; // beside --socket, --json, --timeout
    std::size_t least = 0;                 // arguments
    std::size_t most = 0;
    int (*run)(const Call& call);
};

[[nodiscard]] std::span<const Verb> verbs();
[[nodiscard]] const Verb* find_verb(std::string_view name);
// For a name that is none: what to do instead.
[[nodiscard]] std::string unknown_verb(std::string_view name);

int run_start(const Call& call);
int run_stop(const Call& call);
int run_reload(const Call& call);
int run_restart(const Call& call);
int run_status(const Call& call);
int run_scale(const Call& call);
int run_logs(const Call& call);
int run_fork(const Call& call);
int run_disconnect(const Call& call);
int run_kill(const Call& call);
int run_send(const Call& call);
int run_events(const Call& call);
int run_check(const Call& call);
int run_run(const Call& call);

} // namespace ostler::cli
