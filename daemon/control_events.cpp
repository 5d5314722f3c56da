// SPDX-License-Identifier: MIT
#include "daemon/control_events.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "daemon/control_arguments.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;

// One of a pool as a whole is of no slot.
bool matches(const WorkerFilter& filter, const Event& event)
{
    return filter.covers(event.pool, event.slot, event.worker) &&
           (!filter.slot || event.worker != 0);
}

void send(ControlCall& call, boost::json::object body)
{
    call.outlet.send({control::Type::event, call.request, std::move(body)});
}

// Sends what is kept after `number`; gives the last one's. A client that reads slowly finds it in
// the ring later, or is told how many were pushed out of it meanwhile.
awaitable<std::uint64_t> send_after(ControlCall& call, WorkerFilter filter, std::uint64_t number)
{
    while (number < call.events.last()) {
        co_await call.outlet.until_roomy();
        const std::uint64_t missed =
            call.events.first() - std::min(call.events.first(), number + 1);
        if (missed != 0)
            send(call, {{"missed", missed}});
        number += missed + 1;
        if (const Event& event = call.events.at(number); matches(filter, event))
            send(call, json_of(event));
    }
    co_return number;
}

} // namespace

awaitable<Outcome> run_events(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    const auto filter = WorkerFilter::of(arguments.text("target").value_or(""));
    const bool follow = arguments.flag("follow");
    const auto newest = static_cast<std::int64_t>(call.events.last());
    const auto since = arguments.number("since", 0, INT64_MAX, follow ? newest : 0);
    if (!arguments.problem().empty())
        co_return Outcome{exit_usage, arguments.problem(), {}};
    if (auto unknown = call.unknown_pool(filter))
        co_return *unknown;
    if (since > newest)
        co_return Outcome{exit_failed,
                          "the last event has number " + std::to_string(newest) +
                              ": the daemon was started anew since then",
                          {{"last", newest}}};

    auto number = co_await send_after(call, filter, static_cast<std::uint64_t>(since));
    while (follow) { // until the client goes away
        std::function<bool()> more = [&call, number] { return call.events.last() > number; };
        co_await call.events.arrived().wait_until(Condition::Clock::time_point::max(),
                                                  std::move(more));
        number = co_await send_after(call, filter, number);
    }
    co_return Outcome{exit_done, {}, {{"last", number}}};
}

} // namespace ostler
