// SPDX-License-Identifier: MIT
// ostler: the command line. A table of verbs (verbs.cpp), one file a verb.
#include <csignal>
#include <exception>

#include "cmd/ostler/command_line.hpp"
#include "ipc/control/exit_code.hpp"

int main(int argc, char** argv)
try {
    std::signal(SIGPIPE, SIG_IGN); // `ostler logs | head` ends by the failing write
    int exit = ostler::exit_done;
    const auto parsed = ostler::cli::parse_command_line(argc, argv, exit);
    return parsed ? parsed->verb->run(parsed->call) : exit;
} catch (const std::exception& problem) {
    return ostler::cli::fail(ostler::exit_system, problem.what());
}
