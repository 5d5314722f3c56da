// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"
#include "config/scalars.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{

int run_scale(const Call& call)
{
    const auto workers = config::parse_whole(call.arguments[1]);
    if (!workers || *workers < 0)
        return fail(exit_usage,
                    "scale wants a whole number of workers, not \"" + call.arguments[1] + "\"");
    return ask_and_print(call, "scale", {{"pool", call.arguments[0]}, {"workers", *workers}});
}

} // namespace ostler::cli
