// SPDX-License-Identifier: MIT
// Exit codes: a contract of the command line and the daemon, and what a control reply carries.
#pragma once

namespace ostler
{

enum ExitCode : int {
    exit_done = 0,
    exit_failed = 1,
    exit_timeout = 2,
    exit_usage = 64,
    exit_no_daemon = 69,
    exit_bug = 70,
    exit_system = 71,
    exit_not_permitted = 77,
    exit_config = 78,
};

} // namespace ostler
