// SPDX-License-Identifier: MIT
#include "daemon/control_logs.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "daemon/control_arguments.hpp"
#include "daemon/for_ever.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;

constexpr std::int64_t most_lines = 10'000;

boost::json::object json_of(const LogLine& line)
{
    return {{"number", line.number}, {"time_us", line.time_us},
            {"pool", line.pool},     {"slot", line.slot},
            {"worker", line.worker}, {"stream", line.stream == Stream::out ? "out" : "err"},
            {"text", line.text}};
}

// Sends the lines that come. To a client that does not keep up they get lost, and he is told how
// many, instead of filling our memory.
class Following
{
public:
    Following(ControlCall& call, WorkerFilter filter)
        : call_{call}, follower_{call.logs.follow(std::move(filter), [this](const LogLine& line) {
              pass(line);
          })}
    {
    }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;
    ~Following() { call_.logs.unfollow(follower_); }

private:
    void pass(const LogLine& line)
    {
        if (call_.outlet.crowded()) {
            ++lost_;
            return;
        }
        if (lost_ != 0)
            send({{"lost", std::exchange(lost_, 0)}});
        send(json_of(line));
    }
    void send(boost::json::object line)
    {
        call_.outlet.send({control::Type::line, call_.request, std::move(line)});
    }

    ControlCall& call_;
    std::uint64_t lost_ = 0;
    Logs::Follower follower_;
};

// Sends the last `count` lines that are kept and newer than `after`; gives the newest's number.
awaitable<std::uint64_t> send_kept(ControlCall& call, WorkerFilter filter, std::int64_t count,
                                   std::uint64_t after)
{
    const auto lines = call.logs.tail(filter, static_cast<std::size_t>(count));
    for (const LogLine& line : lines) {
        if (line.number <= after)
            continue;
        co_await call.outlet.until_roomy();
        call.outlet.send({control::Type::line, call.request, json_of(line)});
        after = line.number;
    }
    co_return after;
}

// More may come while we wait for room: it is done when there was nothing new, without waiting.
awaitable<void> send_rest(ControlCall& call, WorkerFilter filter, std::uint64_t after)
{
    for (auto before = after + 1; before != after;) {
        before = after;
        after = co_await send_kept(call, filter, most_lines, after);
    }
}

std::uint64_t newest(const Logs& logs, const WorkerFilter& filter)
{
    const auto last = logs.tail(filter, 1);
    return last.empty() ? 0 : last.back().number;
}

} // namespace

awaitable<Outcome> run_logs(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    const auto filter = call.filter(arguments.name("target").value_or(""));
    const auto count = std::min(arguments.number("lines", 0, INT64_MAX, 100), most_lines);
    const bool follow = arguments.flag("follow");
    if (!arguments.problem().empty())
        co_return Outcome{exit_usage, arguments.problem(), {}};
    if (auto unknown = call.unknown_pool(filter))
        co_return *unknown;

    const auto start = count == 0 ? newest(call.logs, filter) : 0;
    const auto last = co_await send_kept(call, filter, count, start);
    if (!follow)
        co_return Outcome{};
    co_await send_rest(call, filter, last);
    const Following following{call, filter};
    co_await for_ever(); // until the client goes away
    co_return Outcome{};
}

} // namespace ostler
