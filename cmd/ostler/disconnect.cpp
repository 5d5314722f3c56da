// SPDX-License-Identifier: MIT
#include "cmd/ostler/verbs.hpp"

namespace ostler::cli
{

int run_disconnect(const Call& call)
{
    return ask_and_print(call, "disconnect", {{"worker", call.arguments.front()}});
}

} // namespace ostler::cli
