// SPDX-License-Identifier: MIT
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <unistd.h>

#include "cmd/ostler/status_table.hpp"
#include "cmd/ostler/verbs.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{
namespace
{

using namespace std::chrono_literals;

Colour colour_of_stdout()
{
    const char* never = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) && !(never && *never) ? Colour::yes : Colour::no;
}

int show(const Call& call, const char* before)
{
    boost::json::object arguments;
    if (!call.arguments.empty())
        arguments["pool"] = call.arguments.front();
    const control::Answer answer = ask(call, "status", std::move(arguments), {}, patience);
    if (answer.exit != exit_done)
        return fail(answer.exit, answer.message);
    std::cout << before
              << (call.json() ? boost::json::serialize(answer.data) + "\n"
                              : status_table(answer.data, colour_of_stdout()))
              << std::flush;
    return exit_done;
}

} // namespace

int run_status(const Call& call)
{
    if (!call.has("watch"))
        return show(call, "");
    const char* clear = ::isatty(STDOUT_FILENO) && !call.json() ? "\x1b[H\x1b[2J" : "";
    int exit = show(call, clear);
    while (exit == exit_done) {
        std::this_thread::sleep_for(1s);
        exit = show(call, clear);
    }
    return exit;
}

} // namespace ostler::cli
