// SPDX-License-Identifier: MIT
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <iostream>

#include "cmd/ostler/clock_time.hpp"
#include "cmd/ostler/verbs.hpp"
#include "config/scalars.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/text/utf8.hpp"

namespace ostler::cli
{
namespace
{

constexpr std::int64_t most_lines = 10'000; // more than the daemon keeps for a slot

// What workers print may hold anything; a terminal must not obey it.
void print(const boost::json::object& line)
{
    if (const auto* lost = line.if_contains("lost")) {
        std::cout << "(" << boost::json::serialize(*lost)
                  << " lines were lost: this end was too slow)" << std::endl;
        return;
    }
    std::cout << clock_time(line.at("time_us").to_number<std::int64_t>()) << " "
              << std::string_view{line.at("pool").as_string()} << "/" << line.at("slot") << "  "
              << text::printable(line.at("text").as_string()) << std::endl;
}

} // namespace

int run_logs(const Call& call)
{
    boost::json::object arguments;
    if (!call.arguments.empty())
        arguments["target"] = call.arguments.front();
    if (call.has("number")) {
        const auto lines = config::parse_whole(*call.text("number"));
        if (!lines || *lines < 0)
            return fail(exit_usage,
                        "-n wants a whole number of lines, not \"" + *call.text("number") + "\"");
        arguments["lines"] = std::min(*lines, most_lines);
    }
    arguments["follow"] = call.has("follow");
    control::Client::Listening listening;
    listening.line = [&](const boost::json::object& line) {
        if (call.json())
            std::cout << boost::json::serialize(line) << std::endl;
        else
            print(line);
    };
    // Following has no end but the user's.
    const auto usual = call.has("follow") ? std::nullopt : std::optional{patience};
    const control::Answer answer = ask(call, "logs", std::move(arguments), listening, usual);
    return answer.exit == exit_done ? exit_done : fail(answer.exit, answer.message);
}

} // namespace ostler::cli
