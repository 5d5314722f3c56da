// SPDX-License-Identifier: MIT
#include "daemon/start_plan.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unistd.h>
#include <unordered_map>

#include "config/variables.hpp"

namespace ostler
{
namespace
{

namespace plan = wire::plan;

// What our own manager gave us is not for our workers.
constexpr std::array<std::string_view, 16> not_inherited{
    "NOTIFY_SOCKET",   "WATCHDOG_PID",   "WATCHDOG_USEC", "LISTEN_FDS",
    "LISTEN_PID",      "LISTEN_FDNAMES", "INVOCATION_ID", "SYSTEMD_EXEC_PID",
    "MANAGERPID",      "MAINPID",        "FDSTORE",       "JOURNAL_STREAM",
    "NODE_CHANNEL_FD", "NODE_UNIQUE_ID", "MONITOR_UNIT",  "LISTEN_PIDFDID"};
constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool inherited(std::string_view name)
{
    return !name.starts_with("OSTLER_") &&
           std::find(not_inherited.begin(), not_inherited.end(), name) == not_inherited.end();
}

class Environment
{
public:
    void inherit()
    {
        for (char** entry = environ; *entry; ++entry) {
            const std::string_view text{*entry};
            const std::size_t equals = text.find('=');
            if (equals != std::string_view::npos && inherited(text.substr(0, equals)))
                set(std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)});
        }
    }
    void set(const std::string& name, std::string value) { values_[name] = std::move(value); }
    void set_if_absent(const std::string& name, std::string value)
    {
        values_.emplace(name, std::move(value));
    }
    [[nodiscard]] std::vector<std::string> lines() const
    {
        std::vector<std::string> lines;
        for (const auto& [name, value] : values_)
            lines.push_back(name + "=" + value);
        std::sort(lines.begin(), lines.end());
        return lines;
    }

private:
    std::unordered_map<std::string, std::string> values_;
};

// Fills in what only this start knows: ${OSTLER_SLOT} and its like.
class Filler
{
public:
    Filler(const ipc::Identity& identity, const config::Program& program)
        : facts_{identity.slot, identity.worker, identity.pool, program.ports}
    {
    }
    std::string operator()(const std::string& text) const { return config::fill_in(text, facts_); }

private:
    config::WorkerFacts facts_; // refers to both
};

std::vector<std::string> environment_of(const config::Program& program,
                                        const ipc::Identity& identity, const ipc::Outfit& outfit,
                                        const Filler& fill)
{
    Environment env;
    if (!program.env_clear)
        env.inherit();
    env.set_if_absent("PATH", std::string{default_path});
    if (program.user) {
        env.set("USER", program.user->name);
        env.set("LOGNAME", program.user->name);
        env.set("HOME", program.user->home);
    }
    for (const auto& [name, value] : program.env)
        env.set(name, fill(value));
    env.set("OSTLER_WORKER_ID", std::to_string(identity.worker));
    env.set("OSTLER_SLOT", std::to_string(identity.slot));
    env.set("OSTLER_POOL", identity.pool);
    for (const config::Port& port : program.ports)
        env.set(config::variable_of(port), std::to_string(config::number_of(port, identity.slot)));
    for (const auto& [name, value] : outfit.env)
        env.set(name, value);
    for (const ipc::Passed& passed : outfit.descriptors)
        if (!passed.variable.empty())
            env.set(passed.variable, std::to_string(passed.number));
    return env.lines();
}

// Those that may have any number get the lowest that nobody has, nor a controller wants.
void number(std::vector<ipc::Passed>& descriptors, const config::Stdio& stdio)
{
    if (stdio.channel)
        for (ipc::Passed& passed : descriptors)
            if (passed.variable == ipc::channel_variable)
                passed.number = *stdio.channel;
    const auto taken = [&](int number) {
        return std::ranges::count(descriptors, number, &ipc::Passed::number) != 0 ||
               std::ranges::count(stdio.further, number, &config::Stdio::Placed::number) != 0;
    };
    int next = plan::first_target;
    for (ipc::Passed& passed : descriptors) {
        if (passed.number != ipc::Passed::any)
            continue;
        while (taken(next))
            ++next;
        passed.number = next;
    }
}

void set_identity(plan::Plan& plan, const config::Program& program)
{
    if (!program.user)
        return;
    plan.uid = program.user->uid;
    plan.gid = program.user->gid;
    plan.groups.assign(program.user->groups.begin(), program.user->groups.end());
}

void set_surroundings(plan::Plan& plan, const config::Program& program)
{
    plan.umask = program.umask.value_or(plan::unset);
    plan.set_nice = program.nice.has_value();
    plan.nice = program.nice.value_or(0);
    // Ours may be far below zero so that the kernel spares us; theirs is not.
    plan.set_oom_score_adj = true;
    plan.oom_score_adj = program.oom_score_adj.value_or(0);
    plan.cpus.assign(program.cpu_affinity.begin(), program.cpu_affinity.end());
    for (const config::Limit& limit : program.limits)
        plan.limits.push_back({limit.resource, limit.value, limit.value});
    plan.no_new_privileges = program.no_new_privileges;
}

// Where the descriptors of a start are counted.
class Luggage
{
public:
    Luggage(Start& start, std::span<const os::UniqueFd> handles) : start_{start}, handles_{handles}
    {
    }
    std::uint32_t add(os::UniqueFd ours)
    {
        const std::uint32_t index = lend(ours.get());
        start_.descriptors.push_back(std::move(ours));
        return index;
    }
    std::uint32_t add_handle(unsigned handle) // once, however often it is placed
    {
        const auto known = lent_.find(handle);
        return known != lent_.end()
                   ? known->second
                   : lent_.emplace(handle, lend(handles_[handle].get())).first->second;
    }
    plan::Output output(const config::Output& wanted, os::UniqueFd pipe, const Filler& fill)
    {
        switch (wanted.kind) {
        case config::Output::Kind::inherit:
            return {plan::OutputKind::inherit};
        case config::Output::Kind::null:
            return {plan::OutputKind::null};
        case config::Output::Kind::file:
            return {plan::OutputKind::file, fill(wanted.path)};
        case config::Output::Kind::handle:
            return {plan::OutputKind::descriptor, {}, add_handle(wanted.handle)};
        case config::Output::Kind::log:
            break;
        }
        return {plan::OutputKind::descriptor, {}, add(std::move(pipe))};
    }

private:
    std::uint32_t lend(int descriptor)
    {
        start_.lent.push_back(descriptor);
        return static_cast<std::uint32_t>(start_.lent.size() - 1);
    }

    Start& start_;
    std::span<const os::UniqueFd> handles_;
    std::unordered_map<unsigned, std::uint32_t> lent_; // handle → index
};

} // namespace

Start plan_start(const config::Program& program, const ipc::Identity& identity, ipc::Outfit outfit,
                 os::UniqueFd out, os::UniqueFd err, std::span<const os::UniqueFd> handles,
                 pid_t keeper)
{
    const Filler fill{identity, program};
    Start start;
    plan::Plan& plan = start.plan;
    plan.exec = program.exec;
    plan.args.push_back(program.exec);
    for (const std::string& arg : program.args)
        plan.args.push_back(fill(arg));
    number(outfit.descriptors, program.stdio);
    plan.env = environment_of(program, identity, outfit, fill);
    plan.listen_pid = outfit.listen_pid;
    plan.cwd = fill(program.cwd);
    plan.keeper = keeper;
    set_identity(plan, program);
    set_surroundings(plan, program);
    Luggage luggage{start, handles};
    for (ipc::Passed& passed : outfit.descriptors)
        plan.descriptors.push_back({luggage.add(std::move(passed.descriptor)), passed.number});
    for (const config::Stdio::Placed& placed : program.stdio.further)
        plan.descriptors.push_back({luggage.add_handle(placed.handle), placed.number});
    if (program.stdio.in)
        plan.in = {plan::OutputKind::descriptor, {}, luggage.add_handle(*program.stdio.in)};
    plan.out = luggage.output(program.out, std::move(out), fill);
    plan.err = luggage.output(program.err, std::move(err), fill);
    return start;
}

} // namespace ostler
