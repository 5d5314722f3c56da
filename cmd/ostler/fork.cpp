// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{

int run_fork(const Call& call)
{
    boost::json::object env;
    if (call.has("env"))
        for (const auto& pair : call.given["env"].as<std::vector<std::string>>()) {
            const auto equals = pair.find('=');
            if (equals == std::string::npos || equals == 0)
                return fail(exit_usage, "-e wants NAME=VALUE, not \"" + pair + "\"");
            env[pair.substr(0, equals)] = pair.substr(equals + 1);
        }
    return ask_and_print(call, "fork", {{"pool", call.arguments.front()}, {"env", std::move(env)}});
}

} // namespace ostler::cli
