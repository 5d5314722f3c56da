// SPDX-License-Identifier: MIT
// Processes that outlive what started them. A test with a daemon is a subreaper, so that whatever
// the daemon leaves behind comes to it and is seen.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace ostler::test
{

void become_subreaper();

// Children that the test itself started and still holds.
void expect_child(pid_t pid);
void forget_child(pid_t pid);

// Kills and reaps whatever has come to us and is not expected; a line for each that still lived.
// The dead are reaped silently: a keeper that was killed −9 leaves zombies to its reaper.
[[nodiscard]] std::vector<std::string> sweep_orphans();

// Waits for orphans to end by themselves, then sweeps. What was still alive is noted as a finding.
void expect_no_orphans(const std::string& who);

} // namespace ostler::test
