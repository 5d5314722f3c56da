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

// How far one client is. When it reads slowly it finds the rest in the ring later, or is told how
// many were pushed out of it meanwhile.
class Following final : public ControlOutlet::Follower
{
public:
    Following(ControlCall& call, WorkerFilter filter, std::uint64_t since)
        : call_{call}, filter_{std::move(filter)}, number_{since}
    {
        call_.outlet.join(*this);
    }
    ~Following() { call_.outlet.leave(*this); }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;

    [[nodiscard]] std::uint64_t number() const { return number_; } // of the last it was told
    [[nodiscard]] bool behind() const { return number_ < call_.events.last(); }
    void catch_up() override
    {
        while (behind() && !call_.outlet.crowded())
            send_next();
    }
    void send_next()
    {
        const std::uint64_t missed =
            call_.events.first() - std::min(call_.events.first(), number_ + 1);
        if (missed != 0)
            send({{"missed", missed}});
        number_ += missed + 1;
        if (const Event& event = call_.events.at(number_); matches(filter_, event))
            send(json_of(event));
    }

private:
    void send(boost::json::object body)
    {
        call_.outlet.send({control::Type::event, call_.request, std::move(body)});
    }

    ControlCall& call_;
    WorkerFilter filter_;
    std::uint64_t number_;
};

awaitable<void> send_what_is_kept(ControlCall& call, Following& following)
{
    while (following.behind()) {
        co_await call.outlet.until_roomy();
        if (following.behind()) // yet: a message may have made it catch up
            following.send_next();
    }
}

} // namespace

awaitable<Outcome> run_events(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto filter = call.filter(arguments.name("target").value_or(""));
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

    Following following{call, std::move(filter), static_cast<std::uint64_t>(since)};
    co_await send_what_is_kept(call, following);
    while (follow) { // NOLINT(bugprone-infinite-loop): until the client goes away
        std::function<bool()> more = [&following] { return following.behind(); };
        co_await call.events.arrived().wait_until(Condition::Clock::time_point::max(),
                                                  std::move(more));
        co_await send_what_is_kept(call, following);
    }
    co_return Outcome{exit_done, {}, {{"last", following.number()}}};
}

} // namespace ostler
