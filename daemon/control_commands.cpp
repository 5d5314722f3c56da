// SPDX-License-Identifier: MIT
#include "daemon/control_commands.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <csignal>
#include <string>
#include <utility>

#include "config/names.hpp"
#include "config/scalars.hpp"
#include "config/spec.hpp"
#include "daemon/control_arguments.hpp"
#include "daemon/control_events.hpp"
#include "daemon/control_logs.hpp"
#include "daemon/control_messages.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;
using control::Role;
using Alone = ControlCommand::Alone;
using Carries = ControlCommand::Carries;

Outcome usage(const std::string& problem)
{
    return {exit_usage, problem, {}};
}

awaitable<Outcome> run_version(ControlCall& call)
{
    boost::json::object data{{"version", OSTLER_VERSION},
                             {"protocol", control::protocol_version},
                             {"role", control::name_of(call.role)},
                             {"last_event", call.events.last()},
                             {"pools", nullptr}};
    if (call.scope)
        data["pools"] = boost::json::array(call.scope->pools.begin(), call.scope->pools.end());
    co_return Outcome{exit_done, "", std::move(data)};
}

awaitable<Outcome> run_connect(ControlCall& call)
{
    if (!call.scope)
        co_return Outcome{exit_failed,
                          "only controllers of the spec are given connections: connect to the "
                          "control socket",
                          {}};
    auto connected = call.desk.connect(call.scope);
    if (auto* problem = std::get_if<std::string>(&connected))
        co_return Outcome{exit_failed, std::move(*problem), {}};
    call.returned = std::get<os::UniqueFd>(std::move(connected));
    co_return Outcome{exit_done, "connected", {}};
}

awaitable<Outcome> run_status(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.name("pool");
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
    auto pool = arguments.required_name("pool");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.start_pool(std::move(pool), call.progress());
}

awaitable<Outcome> run_stop(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.name("pool");
    const auto haste = arguments.flag("now") ? Operations::Haste::now : Operations::Haste::none;
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    if (!pool)
        co_return call.operations.stop_daemon(haste);
    co_return co_await call.operations.stop_pool(std::move(*pool), haste, call.progress());
}

awaitable<Outcome> run_restart(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto target = arguments.name("target");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.restart(std::move(target), call.progress());
}

awaitable<Outcome> run_scale(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.required_name("pool");
    const auto workers = arguments.number("workers", 0, config::most_workers);
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.scale(std::move(pool), static_cast<unsigned>(workers),
                                             call.progress());
}

// Empty where it is one; else why not.
std::string why_not_variable(std::string_view name, const boost::json::value& value)
{
    const bool possible = !name.empty() && name.find('=') == name.npos &&
                          name.find('\0') == name.npos && value.is_string() &&
                          value.get_string().find('\0') == boost::json::string::npos;
    if (!possible)
        return "the argument \"env\" must be an object of strings, its names without =";
    if (config::set_by_ostlerd(name))
        return std::string{name} + " is set by ostlerd: leave it out of \"env\"";
    return {};
}

std::string read_env(ControlArguments& arguments, Operations::Variables& env)
{
    constexpr std::size_t most = 1024; // more than an environment has, and each is looked for
    const auto given = arguments.object("env").value_or(boost::json::object{});
    if (given.size() > most)
        return "the argument \"env\" has more than 1024 variables";
    for (const auto& [name, value] : given) {
        if (auto problem = why_not_variable(name, value); !problem.empty())
            return problem;
        env.emplace_back(name, value.get_string());
    }
    return arguments.problem();
}

awaitable<Outcome> run_fork(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.required_name("pool");
    Operations::Variables env;
    if (auto problem = read_env(arguments, env); !problem.empty())
        co_return usage(problem);
    co_return co_await call.operations.fork(std::move(pool), std::move(env));
}

awaitable<Outcome> run_setup(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto pool = arguments.required_name("pool");
    auto settings = arguments.object("settings");
    if (!arguments.problem().empty())
        co_return usage(arguments.problem());
    co_return co_await call.operations.setup(std::move(pool), std::move(settings),
                                             std::move(call.handles));
}

// Nothing where none is given, or the sentence says what is wrong.
std::optional<int> read_signal(ControlArguments& arguments, std::string& problem)
{
    const auto name = arguments.name("signal");
    problem = arguments.problem();
    if (!name || !problem.empty())
        return std::nullopt;
    const auto number = config::parse_signal(*name);
    if (!number)
        problem = "there is no signal \"" + *name + "\"";
    return number;
}

awaitable<Outcome> run_disconnect(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto worker = arguments.required_name("worker");
    std::string problem;
    const auto signal = read_signal(arguments, problem);
    co_return problem.empty() ? call.operations.disconnect(std::move(worker), signal)
                              : usage(problem);
}

awaitable<Outcome> run_kill(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto worker = arguments.required_name("worker");
    std::string problem;
    const auto signal = read_signal(arguments, problem);
    co_return problem.empty() ? call.operations.kill(std::move(worker), signal.value_or(SIGTERM))
                              : usage(problem);
}

constexpr std::array commands{
    //             verb       role           when its client leaves   carries
    ControlCommand{"version", Role::observe, Alone::ends, Carries::nothing, run_version},
    ControlCommand{"connect", Role::observe, Alone::ends, Carries::nothing, run_connect},
    ControlCommand{"status", Role::observe, Alone::ends, Carries::nothing, run_status},
    ControlCommand{"wait-ready", Role::observe, Alone::ends, Carries::nothing, run_wait_ready},
    ControlCommand{"logs", Role::observe, Alone::ends, Carries::nothing, run_logs},
    ControlCommand{"events", Role::observe, Alone::ends, Carries::nothing, run_events},
    ControlCommand{"reload", Role::operate, Alone::finishes, Carries::nothing, run_reload},
    ControlCommand{"start", Role::operate, Alone::finishes, Carries::nothing, run_start},
    ControlCommand{"stop", Role::operate, Alone::finishes, Carries::nothing, run_stop},
    ControlCommand{"restart", Role::operate, Alone::finishes, Carries::nothing, run_restart},
    ControlCommand{"scale", Role::operate, Alone::finishes, Carries::nothing, run_scale},
    ControlCommand{"disconnect", Role::operate, Alone::finishes, Carries::nothing, run_disconnect},
    ControlCommand{"kill", Role::operate, Alone::finishes, Carries::nothing, run_kill},
    ControlCommand{"send", Role::operate, Alone::finishes, Carries::message, run_send},
    ControlCommand{"messages", Role::administer, Alone::ends, Carries::nothing, run_messages},
    ControlCommand{"setup", Role::administer, Alone::finishes, Carries::descriptors, run_setup},
    ControlCommand{"fork", Role::administer, Alone::finishes, Carries::nothing, run_fork},
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

std::optional<Outcome> ControlCall::unknown_pool(const WorkerFilter& filter) const
{
    if (filter.pool.empty())
        return std::nullopt;
    auto known = operations.status(filter.pool); // in the words of whoever knows
    return known.exit != exit_done ? std::optional{std::move(known)} : std::nullopt;
}

WorkerFilter ControlCall::filter(std::string_view target) const
{
    WorkerFilter filter = WorkerFilter::of(target);
    if (scope)
        filter.within = scope->pools;
    return filter;
}

Progress ControlCall::progress() const
{
    return [&to = outlet, number = request](const std::string& sentence) {
        if (!to.crowded()) // a sentence about the way is not worth memory
            to.send({control::Type::progress, number, {{"text", sentence}}});
    };
}

} // namespace ostler
