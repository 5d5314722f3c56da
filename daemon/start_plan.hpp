// SPDX-License-Identifier: MIT
// From a pool's program to the plan of one worker: everything looked up and filled in, nothing left
// to the launcher.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/spec.hpp"
#include "ipc/channel/dialect.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/wire/plan.hpp"

namespace ostler
{

struct Start {
    wire::plan::Plan plan;
    std::vector<int> lent; // travel with START beside plan and report pipe, as the plan counts them
    std::vector<os::UniqueFd> descriptors; // those of them that are ours
};

// Moves the outfit's descriptors into the start. `out` and `err` are the write ends of pipes to our
// logs, and only there when the program's output goes to the log. The handles, which a controller
// has sent along, are lent until it was sent.
[[nodiscard]] Start plan_start(const config::Program& program, const ipc::Identity& identity,
                               ipc::Outfit outfit, os::UniqueFd out, os::UniqueFd err,
                               std::span<const os::UniqueFd> handles, pid_t keeper);

} // namespace ostler
