// SPDX-License-Identifier: MIT
// From a pool's program to the plan of one worker: everything looked up and filled in, nothing left
// to the launcher.
#pragma once

#include <string>
#include <vector>

#include "config/spec.hpp"
#include "ipc/channel/dialect.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/wire/plan.hpp"

namespace ostler
{

// What travels with START beside plan and report pipe, in the order the plan counts it.
struct Start {
    wire::plan::Plan plan;
    std::vector<os::UniqueFd> descriptors;
};

// Moves the outfit's descriptors into the start. `out` and `err` are the write ends of pipes to our
// logs, and only there when the program's output goes to the log.
[[nodiscard]] Start plan_start(const config::Program& program, const ipc::Identity& identity,
                               ipc::Outfit outfit, os::UniqueFd out, os::UniqueFd err,
                               pid_t keeper);

} // namespace ostler
