// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"

namespace ostler::cli
{

int run_kill(const Call& call)
{
    boost::json::object arguments{{"worker", call.arguments.front()}};
    if (call.arguments.size() > 1)
        arguments["signal"] = call.arguments[1];
    return ask_and_print(call, "kill", std::move(arguments));
}

} // namespace ostler::cli
