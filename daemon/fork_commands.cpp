// SPDX-License-Identifier: MIT
// What controllers make beyond a pool's count: workers by `fork`, and what those are started with
// by `setup`. One at a time, so that a fork sees the setup that was asked for before it.
#include <filesystem>

#include "config/checks.hpp"
#include "config/variables.hpp"
#include "daemon/commands.hpp"
#include "daemon/daemon.hpp"
#include "daemon/fork_settings.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

template <typename T>
using awaitable = boost::asio::awaitable<T>;

constexpr const char* descriptors_without_stdio =
    "descriptors come with `stdio`, whose numbers say which of them goes where";

std::string folder_of(const config::Spec& spec)
{
    return std::filesystem::path{spec.path}.parent_path().string();
}

// A line for each that means nothing here.
std::string notes_on(const config::Value& settings)
{
    std::string notes;
    for (const std::string& sentence : config::without_effect(settings))
        notes += (notes.empty() ? "" : "\n") + sentence;
    return notes;
}

void add(config::Program& program, const Operations::Variables& env)
{
    for (const auto& [name, value] : env) {
        std::erase_if(program.env, [&name = name](const auto& one) { return one.first == name; });
        program.env.emplace_back(name, config::of_program(value));
    }
}

} // namespace

// A program of a spec with settings laid over it.
struct Commands::Settlement {
    std::shared_ptr<const config::Pool> of;
    config::Parsed<config::Settled> result;
};

// Closing the last of them may block.
Handles Commands::share(std::vector<os::UniqueFd> descriptors)
{
    if (descriptors.empty())
        return nullptr;
    auto& off_loop = daemon_.services().off_loop;
    auto close = [&off_loop](std::vector<os::UniqueFd>* all) {
        off_loop.close(std::move(*all));
        delete all;
    };
    return {new std::vector<os::UniqueFd>(std::move(descriptors)), close};
}

// Looks users and files up, which may block. Shared: g++ 12 takes the move of a large result from
// one thread to the other for a mismatched delete.
awaitable<std::shared_ptr<const Commands::Settlement>>
Commands::settle(std::shared_ptr<const config::Pool> pool, const Pool::ForkSettings& settings)
{
    using Shared = std::shared_ptr<const Settlement>;
    auto look_up = [pool = std::move(pool), said = settings.said,
                    descriptors = settings.handles ? settings.handles->size() : 0,
                    folder = folder_of(daemon_.spec()), options = daemon_.load_options()] {
        return std::make_shared<const Settlement>(
            Settlement{pool, config::settle(said, pool->program, descriptors, folder, options)});
    };
    co_return co_await daemon_.services().off_loop.run<Shared>(std::move(look_up));
}

// What a controller said, laid over what was said before; a sentence when that cannot be.
config::Parsed<Pool::ForkSettings> Commands::lay_over(const Pool::ForkSettings& before,
                                                      const config::ValuePtr& change,
                                                      Handles handles) const
{
    const config::Entry* stdio = change->find("stdio");
    if (handles && (!stdio || stdio->value->kind == config::Value::Kind::nothing))
        return config::Wrong{descriptors_without_stdio};
    const auto merged = config::merge_settings(before.said, change);
    if (!merged)
        return config::Wrong{merged.wrong()};
    const bool chosen = !(*merged)->entries.empty() && (scope_ || before.by_controller);
    return Pool::ForkSettings{*merged, stdio ? std::move(handles) : before.handles, chosen};
}

awaitable<Outcome> Commands::setup(std::string name, std::optional<boost::json::object> said,
                                   std::vector<os::UniqueFd> descriptors)
{
    const Handles handles = share(std::move(descriptors));
    const Turns::Turn turn = co_await fork_turns().take();
    Pool* pool = find_pool(name);
    if (!pool)
        co_return Outcome{exit_failed, unknown(name), {}};
    const auto change = said ? settings_from(*said) : config::no_settings();
    const auto fresh = lay_over(pool->fork_settings(), change, handles);
    if (!fresh)
        co_return Outcome{exit_usage, fresh.wrong(), {}};
    auto spec = pool->spec();
    const auto settled = co_await settle(std::move(spec), *fresh);
    pool = find_pool(name);
    if (!pool)
        co_return Outcome{exit_failed, unknown(name), {}};
    if (!settled->result)
        co_return Outcome{said ? exit_usage : exit_failed, settled->result.wrong(), {}};
    if (auto problem = why_not_start(settled->result->program, *pool); said && !problem.empty())
        co_return Outcome{exit_not_permitted, std::move(problem), {}};
    if (said) {
        pool->set_up_forks(*fresh);
        daemon_.services().events.tell(EventKind::setup, {.pool = name});
    }
    co_return Outcome{exit_done, notes_on(*change), {{"settings", json_of(*settled->result)}}};
}

std::string Commands::why_not_fork(const Pool* pool, const std::string& name) const
{
    return !pool                ? unknown(name)
           : daemon_.stopping() ? "the daemon is stopping"
           : !pool->running()   ? "pool " + name + " is stopped: start it first"
           : !pool->may_fork()  ? "pool " + name + " has 1024 forked workers already"
                                : "";
}

std::string Commands::why_not_start(const config::Program& program, const Pool& pool) const
{
    return scope_ ? scope_->why_not_start(program.user, *pool.spec()) : std::string{};
}

awaitable<Commands::Begun> Commands::begin_fork(std::string name, Variables env)
{
    const Turns::Turn turn = co_await fork_turns().take();
    for (std::shared_ptr<const Settlement> settled;;) {
        Pool* pool = find_pool(name);
        if (auto problem = why_not_fork(pool, name); !problem.empty())
            co_return Begun{.problem = std::move(problem), .exit = exit_failed};
        const bool plain = pool->fork_settings().said->entries.empty();
        if (plain || (settled && settled->of == pool->spec() && settled->result)) {
            auto program = plain ? pool->spec()->program : settled->result->program;
            if (auto problem = why_not_start(program, *pool); !problem.empty())
                co_return Begun{.problem = std::move(problem), .exit = exit_not_permitted};
            add(program, env);
            if (const auto unknown_port = config::undeclared_port(program))
                co_return Begun{.problem = "${" + *unknown_port + "} is used, and pool " +
                                           pool->spec()->name + " has no such port",
                                .exit = exit_usage};
            if (scope_ || pool->fork_settings().by_controller)
                program.controls.clear(); // who chooses the program would control those, too
            const Slot& slot = pool->fork(std::move(program), pool->fork_settings().handles);
            co_return Begun{.worker = slot.worker()->id(), .slot = slot.index()};
        }
        if (settled && settled->of == pool->spec())
            co_return Begun{.problem = "what `setup` said of pool " + name +
                                       " is no longer right: " + settled->result.wrong(),
                            .exit = exit_failed};
        auto spec = pool->spec(); // a reload may change it meanwhile
        const Pool::ForkSettings settings = pool->fork_settings();
        settled = co_await settle(std::move(spec), settings);
    }
}

awaitable<Outcome> Commands::fork(std::string name, Variables env)
{
    const Begun begun = co_await begin_fork(name, std::move(env));
    if (!begun.problem.empty())
        co_return Outcome{begun.exit, begun.problem, {}};
    // The pool may be gone by the time it is asked.
    std::function<const Slot*()> find_slot = [this, name, id = begun.worker]() -> const Slot* {
        Pool* pool = find_pool(name);
        return pool ? pool->slot_of(id) : nullptr;
    };
    std::function<bool()> known = [find_slot] {
        const Slot* at = find_slot();
        return !at || at->worker()->pid();
    };
    co_await daemon_.services().changed.wait_until(Clock::time_point::max(), std::move(known));
    const Slot* at = find_slot();
    boost::json::object data{{"worker", begun.worker}, {"slot", begun.slot}, {"pid", nullptr}};
    if (at)
        data["pid"] = *at->worker()->pid();
    co_return Outcome{at ? exit_done : exit_failed,
                      "worker " + name + "/" + std::to_string(begun.slot) +
                          (at ? " is started, id " : " could not be started, id ") +
                          std::to_string(begun.worker),
                      std::move(data)};
}

} // namespace ostler
