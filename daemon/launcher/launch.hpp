// SPDX-License-Identifier: MIT
// One launch: an ordinary single-threaded process turns itself into a worker, stage by stage. libc
// only. Every stage is a function here and a line of the table in launch.cpp; each returns 0 or the
// errno that the master will hear.
#pragma once

#include "ipc/os/fd.hpp"
#include "ipc/wire/plan_view.hpp"

namespace ostler::launcher
{

struct Launch {
    wire::plan::View plan;
    os::UniqueFd report{os::adopt, wire::plan::report_fd}; // closes by exec: no news is good news
};

// Carries out the plan at plan_fd. Returns only when a stage failed, after its report was written.
void carry_out(Launch& launch);

int read_plan(Launch& launch);         // plan_file.cpp
int place_descriptors(Launch& launch); // descriptors.cpp
int set_umask(Launch& launch);         // limits.cpp, and the next four
int set_nice(Launch& launch);
int set_oom_score_adj(Launch& launch);
int set_affinity(Launch& launch);
int set_limits(Launch& launch);
int set_groups(Launch& launch); // identity.cpp, and the next three
int change_user(Launch& launch);
int verify_privileges(Launch& launch);
int die_with_keeper(Launch& launch);
int change_directory(Launch& launch); // program.cpp
int open_output(Launch& launch);      // output.cpp
int execute(Launch& launch);          // program.cpp

// The errno of a call that has just returned less than zero, or 0.
[[nodiscard]] int error_of(long result);

} // namespace ostler::launcher
