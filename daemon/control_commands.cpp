// SPDX-License-Identifier: MIT
#include "daemon/control_commands.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "daemon/control_arguments.hpp"
#include "daemon/control_logs.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;
using control::Role;
using Alone = ControlCommand::Alone;

constexpr unsigned most_workers = 100'000; // the daemon knows its real limit

Outcome usage(const std::string& problem)
{
    return {exit_usage, problem, {}};
}

awaitable<Outcome> run_version(ControlCall& call)
{
    boost::json::object data{{"version", OSTLER_VERSION},
                             {"protocol", control::protocol_version},
                             {"role", control::name_of(call.role)}};
    co_return Outcome{exit_done, "", std::move(data)};
}

awaitable<Outcome> run_status(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.text("pool");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return call.operations.status(std::move(pool));
}

awaitable<Outcome> run_wait_ready(ControlCall& call)
{
    co_return co_await call.operations.wait_ready(call.progress());
}

awaitable<Outcome> run_reload(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    const bool dry_run = arguments.flag("dry_run");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.reload(dry_run, call.progress());
}

awaitable<Outcome> run_start(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.required_text("pool");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.start_pool(std::move(pool), call.progress());
}

awaitable<Outcome> run_stop(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.text("pool");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    if (!pool)
        co_return call.operations.stop_daemon();
    co_return co_await call.operations.stop_pool(std::move(*pool), call.progress());
}

awaitable<Outcome> run_restart(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto target = arguments.text("target");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.restart(std::move(target), call.progress());
}

awaitable<Outcome> run_scale(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.required_text("pool");
    const auto workers = arguments.number("workers", 0, most_workers);
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.scale(std::move(pool), static_cast<unsigned>(workers),
                                             call.progress());
}

constexpr std::array commands{
    //             verb          role           when its client leaves
    ControlCommand{"version", Role::observe, Alone::ends, run_version},
    ControlCommand{"status", Role::observe, Alone::ends, run_status},
    ControlCommand{"wait-ready", Role::observe, Alone::ends, run_wait_ready},
    ControlCommand{"logs", Role::observe, Alone::ends, run_logs},
    ControlCommand{"reload", Role::operate, Alone::finishes, run_reload},
    ControlCommand{"start", Role::operate, Alone::finishes, run_start},
    ControlCommand{"stop", Role::operate, Alone::finishes, run_stop},
    ControlCommand{"restart", Role::operate, Alone::finishes, run_restart},
    ControlCommand{"scale", Role::operate, Alone::finishes, run_scale},
};

} // namespace

std::span<const ControlCommand> control_commands()
{
    return commands;
}

const ControlCommand* find_control_command(std::string_view verb)
{
    const auto found =
        std::find_if(commands.begin(), commands.end(),
                     [&](const ControlCommand& known) { return known.verb == verb; });
    return found != commands.end() ? &*found : nullptr;
}

Progress ControlCall::progress() const
{
    return [&to = outlet, number = request](const std::string& sentence) {
        if (!to.crowded()) // a sentence about the way is not worth memory
            to.send({control::Type::progress, number, {{"text", sentence}}});
    };
}

} // namespace ostler
