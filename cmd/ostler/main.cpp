// SPDX-License-Identifier: MIT
// ostler: the command line. A table of verbs (verbs.cpp), one file a verb.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>

#include "cmd/ostler/command_line.hpp"
#include "ipc/control/exit_code.hpp"

namespace
{

int run(int argc, char** argv)
{
    int exit = ostler::exit_done;
    const auto parsed = ostler::cli::parse_command_line(argc, argv, exit);
    return parsed ? parsed->verb->run(parsed->call) : exit;
}

} // namespace

int main(int argc, char** argv)
try {
    std::signal(SIGPIPE, SIG_DFL); // `ostler logs -f | head` ends with head
    // What cannot be printed ends any verb, where it happens; at the latest here.
    std::cout.exceptions(std::ios::badbit);
    const int exit = run(argc, argv);
    std::cout.flush();
    return exit;
} catch (const std::ios_base::failure&) {
    const std::string why = std::strerror(errno);
    std::cout.exceptions(std::ios::goodbit); // it is flushed again, before cerr and at the end
    return ostler::cli::fail(ostler::exit_failed, "cannot write to standard output: " + why);
} catch (const std::exception& problem) {
    return ostler::cli::fail(ostler::exit_system, problem.what());
}
