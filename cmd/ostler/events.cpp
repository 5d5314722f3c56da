// SPDX-License-Identifier: MIT
#include <boost/json/serialize.hpp>
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

// "address=tcp://127.0.0.1:8080", as people read it; what the columns before say is left out.
std::string details_of(const boost::json::object& event)
{
    std::string text;
    for (const auto& [key, value] : event) {
        if (key == "number" || key == "time_us" || key == "event" || key == "pool" ||
            key == "slot" || key == "worker" || value.is_null())
            continue;
        text += "  " + std::string{key} + "=";
        text +=
            value.is_string() ? text::printable(value.get_string()) : boost::json::serialize(value);
    }
    return text;
}

std::string subject_of(const boost::json::object& event)
{
    std::string text = text::printable(event.at("pool").as_string());
    if (const auto* slot = event.if_contains("slot"))
        text += "/" + boost::json::serialize(*slot) + " (" +
                boost::json::serialize(event.at("worker")) + ")";
    return text;
}

void print(const boost::json::object& event)
{
    if (const auto* missed = event.if_contains("missed")) {
        std::cout << "(" << boost::json::serialize(*missed) << " events are not kept any more)"
                  << std::endl;
        return;
    }
    std::string name{event.at("event").as_string()};
    name.resize(10, ' ');
    std::cout << event.at("number") << "  "
              << clock_time(event.at("time_us").to_number<std::int64_t>()) << "  " << name << "  "
              << subject_of(event) << details_of(event) << std::endl;
}

} // namespace

int run_events(const Call& call)
{
    boost::json::object arguments{{"follow", call.has("follow")}};
    if (!call.arguments.empty())
        arguments["target"] = call.arguments.front();
    if (call.has("since")) {
        const auto since = config::parse_whole(*call.text("since"));
        if (!since || *since < 0)
            return fail(exit_usage, "--since wants the number of an event, not \"" +
                                        *call.text("since") + "\"");
        arguments["since"] = *since;
    }
    control::Client::Listening listening;
    listening.event = [&](const boost::json::object& event) {
        if (call.json())
            std::cout << boost::json::serialize(event) << std::endl;
        else
            print(event);
    };
    // Following has no end but the user's.
    const auto usual = call.has("follow") ? std::nullopt : std::optional{patience};
    const control::Answer answer = ask(call, "events", std::move(arguments), listening, usual);
    return answer.exit == exit_done ? exit_done : fail(answer.exit, answer.message);
}

} // namespace ostler::cli
