// SPDX-License-Identifier: MIT
// The plan: everything the launcher must know to turn itself into a worker. Names are numbers
// already; the launcher looks nothing up. The master writes it into a sealed memfd (write_plan,
// ipc/sealed_plan.hpp); the launcher maps and reads it (plan_view.hpp), believes nothing in it, and
// refuses one that makes no sense.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ipc/wire/plan_format.hpp"

namespace ostler::wire::plan
{

struct Output {
    OutputKind kind = OutputKind::inherit;
    std::string path; // of a file; opened as the worker's user, never through a symbolic link
    std::uint32_t index = 0; // of a descriptor
    bool operator==(const Output&) const = default;
};

// The master's form of it.
struct Plan {
    std::string exec;              // absolute
    std::vector<std::string> args; // argv, [0] included
    std::vector<std::string> env;  // "K=V"
    bool listen_pid = false;       // add LISTEN_PID, which only the process itself knows
    std::string cwd;               // empty: stay
    std::uint32_t uid = unset;     // unset: stay as we are, gid and groups too
    std::uint32_t gid = unset;     // set with uid
    std::vector<std::uint32_t> groups;
    std::uint32_t umask = unset;
    std::int32_t nice = 0;
    bool set_nice = false;
    std::int32_t oom_score_adj = 0;
    bool set_oom_score_adj = false;
    std::vector<std::uint32_t> cpus; // empty: leave
    std::vector<Limit> limits;
    bool no_new_privileges = false;
    std::int32_t keeper = 0;             // pid that must be our parent
    std::vector<Placement> descriptors;  // targets from first_target on, each once
    Output in{.kind = OutputKind::null}; // or a descriptor
    Output out;
    Output err;
};

// The bytes of the memfd. Strings end with NUL inside them, so that the launcher can point argv at
// the mapping. Writes what it is given: whether it makes sense is for the launcher to say.
[[nodiscard]] std::vector<char> write_plan(const Plan& plan);

} // namespace ostler::wire::plan
