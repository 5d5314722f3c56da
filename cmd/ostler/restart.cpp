// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"

namespace ostler::cli
{

int run_restart(const Call& call)
{
    boost::json::object arguments;
    if (!call.arguments.empty())
        arguments["target"] = call.arguments.front();
    return ask_and_print(call, "restart", std::move(arguments));
}

} // namespace ostler::cli
