// SPDX-License-Identifier: MIT
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "cmd/ostler/verbs.hpp"
#include "config/load.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{
namespace
{

boost::json::object json_of(const config::Diagnostic& problem)
{
    return {{"line", problem.place.line},
            {"column", problem.place.column},
            {"path", problem.path},
            {"message", problem.message}};
}

} // namespace

int run_check(const Call& call)
{
    const std::string& file = call.arguments.front();
    config::LoadOptions how;
    how.insecure = call.has("insecure-spec");
    const config::Loaded loaded = config::load(file, how);
    if (call.json()) {
        boost::json::array problems;
        for (const config::Diagnostic& problem : loaded.problems)
            problems.push_back(json_of(problem));
        std::cout << boost::json::serialize(
                         boost::json::object{{"file", file}, {"problems", std::move(problems)}})
                  << "\n";
    } else if (loaded.spec) {
        std::cout << file << ": ok\n";
    }
    if (!call.json())
        for (const config::Diagnostic& problem : loaded.problems)
            std::cerr << config::to_string(problem, file) << "\n";
    return loaded.spec ? exit_done : exit_config;
}

} // namespace ostler::cli
