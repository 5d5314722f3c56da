// SPDX-License-Identifier: MIT
// How the scripted worker is to misbehave: its command line.
#pragma once

#include <optional>
#include <string>

namespace ostler::test
{

struct Options {
    unsigned start_ms = 0; // before it joins
    bool hang_in_start = false;
    bool never_listen = false;
    bool never_ready = false; // says no `ready`
    bool ignore_term = false;
    bool ignore_drain = false;
    unsigned block_ms = 0;      // its loop, with each request
    unsigned exit_after_ms = 0; // 0: serves until told to end
    int exit_code = 0;
    std::string exit_if;   // with status 3 at the start, if this file is there
    std::string crash_on;  // SIGSEGV at a request for this path
    std::string taken_log; // tells it of each connection taken
    unsigned children = 0; // that do nothing for ten minutes
    bool children_leave_group = false;
    unsigned print_lines = 0;
    bool scribble_page = false;
    bool shutdown_listener = false; // as soon as it listens, once: when `once` can be made
    std::string once;
    std::string only_slot; // misbehaves there only
};

// An error is a sentence; options are taken until then.
[[nodiscard]] std::optional<std::string> read_options(int argc, char** argv, Options& options);

} // namespace ostler::test
