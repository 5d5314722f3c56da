// SPDX-License-Identifier: MIT
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "cmd/ostler/verbs.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{

int run_reload(const Call& call)
{
    const bool dry_run = call.has("dry-run");
    if (call.json())
        return ask_and_print(call, "reload", {{"dry_run", dry_run}});
    control::Client::Listening listening;
    listening.progress = [](std::string_view sentence) { std::cerr << sentence << std::endl; };
    const control::Answer answer = ask(call, "reload", {{"dry_run", dry_run}}, listening);
    if (const auto* changes = answer.data.if_contains("changes"); changes && changes->is_array())
        for (const auto& line : changes->as_array())
            std::cout << "  " << std::string_view{line.as_string()} << "\n";
    if (answer.exit != exit_done)
        return fail(answer.exit, answer.message);
    std::cout << answer.message << std::endl;
    return exit_done;
}

} // namespace ostler::cli
