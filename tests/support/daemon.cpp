// SPDX-License-Identifier: MIT
#include "tests/support/daemon.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <stdexcept>

#include "ipc/control/client.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

namespace ostler::test
{

namespace json = boost::json;

namespace
{

void replace_all(std::string& text, const std::string& what, const std::string& with)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

template <typename T>
std::optional<T> maybe(const json::value& value)
{
    return value.is_null() ? std::nullopt : std::optional{value.to_number<T>()};
}

Row row_from(const json::value& worker)
{
    return {.id = maybe<std::uint64_t>(worker.at("id")),
            .pid = maybe<pid_t>(worker.at("pid")),
            .slot = worker.at("slot").to_number<unsigned>(),
            .state = worker.at("state").as_string().c_str(),
            .generation = maybe<std::uint64_t>(worker.at("generation")).value_or(0),
            .restarts = worker.at("restarts").to_number<std::uint64_t>(),
            .accepted = maybe<std::uint64_t>(worker.at("accepted")).value_or(0),
            .pending = maybe<std::uint64_t>(worker.at("pending")).value_or(0),
            .next_start_in_s = maybe<double>(worker.at("next_start_in_s")),
            .last_exit = worker.at("last_exit")};
}

json::value named(const json::value& list, const std::string& name)
{
    for (const json::value& entry : list.as_array())
        if (entry.at("name").as_string() == name)
            return entry;
    throw std::runtime_error("status shows no " + name);
}

} // namespace

Daemon::Daemon(const std::string& spec, Settings settings)
    : settings_{std::move(settings)}, notify_{scratch_ / "notify"}
{
    become_subreaper();
    write_spec(spec);
    Words argv = settings_.through;
    argv.insert(argv.end(), {ostlerd_program, "--config", spec_path(), "--control", control()});
    for (const std::string& option : settings_.options)
        argv.push_back(fill(option));
    Child::Settings how{.env = settings_.env,
                        .cwd = settings_.cwd.empty() ? scratch_.path() : settings_.cwd,
                        .err = settings_.err};
    for (auto& [name, value] : how.env)
        value = fill(value);
    how.env["NOTIFY_SOCKET"] = scratch_ / "notify";
    child_ = std::make_unique<Child>(argv, how);
}

// Asks it to hurry with a second signal; one that does not listen is killed and found guilty.
Daemon::~Daemon()
{
    const std::string who = "ostlerd " + std::to_string(keeper());
    for (const int number : {SIGTERM, SIGTERM}) {
        child_->signal(number);
        if (child_->wait(number == SIGTERM ? 3s : 1s))
            break;
    }
    if (!child_->wait(15s)) {
        note_finding(who + " does not end at SIGTERM, its log:\n" + log());
        child_->signal(SIGKILL);
        (void)child_->wait();
    }
    expect_no_orphans(who);
    if (!settings_.expected_to_leave_socket && exists(control()))
        note_finding(who + " left its control socket behind");
}

std::string Daemon::fill(std::string spec) const
{
    replace_all(spec, "WORKER", worker_program);
    replace_all(spec, "SCRIPTS", worker_scripts);
    replace_all(spec, "DIR", scratch_.path());
    return spec;
}

void Daemon::write_spec(const std::string& spec)
{
    write_file(spec_path(), fill(spec));
}

void Daemon::replace_spec(const std::string& spec)
{
    replace_file(spec_path(), fill(spec));
}

Daemon& Daemon::ready(Milliseconds within)
{
    const auto deadline = Clock::now() + within;
    while (!notify_.hears("READY=1", 50ms))
        if (Clock::now() > deadline || !child_->running())
            throw std::runtime_error("ostlerd did not become ready, its log:\n" + log());
    return *this;
}

Ran Daemon::cli(const std::string& line, Milliseconds within) const
{
    Words argv = words(line);
    argv.insert(argv.begin(), ostler_program);
    const Child::Settings how{.env = {{"OSTLER_SOCKET", control()}}, .cwd = scratch_.path()};
    return run(argv, how, within);
}

Ran Daemon::must(const std::string& line, Milliseconds within) const
{
    Ran ran = cli(line, within);
    if (ran.exit != 0)
        throw std::runtime_error("ostler " + line + " ended with " + std::to_string(ran.exit) +
                                 ": " + ran.out + ran.err + "\nthe daemon's log:\n" + log());
    return ran;
}

// By the control protocol itself: tests ask again and again, and a process each time is slow.
json::value Daemon::status() const
{
    auto connected = control::Client::connect(control());
    if (auto* refused = std::get_if<control::Answer>(&connected))
        throw std::runtime_error("no status: " + refused->message + "\n" + log());
    auto answer =
        std::get<control::Client>(connected).request("status", {}, Clock::now() + patience);
    if (answer.exit != 0)
        throw std::runtime_error("no status: " + answer.message);
    return std::move(answer.data);
}

bool Daemon::up() const
{
    return std::holds_alternative<control::Client>(control::Client::connect(control()));
}

json::value Daemon::pool(const std::string& name) const
{
    return named(status().at("pools"), name);
}

json::value Daemon::socket(const std::string& name) const
{
    return named(status().at("sockets"), name);
}

std::vector<Row> Daemon::rows(const std::string& pool_name) const
{
    std::vector<Row> result;
    const json::value whole = pool(pool_name);
    for (const json::value& worker : whole.at("workers").as_array())
        result.push_back(row_from(worker));
    return result;
}

Row Daemon::row(const std::string& pool_name, unsigned slot) const
{
    for (Row& one : rows(pool_name))
        if (one.slot == slot)
            return one;
    throw std::runtime_error("no slot " + std::to_string(slot) + " of " + pool_name + " in use");
}

std::vector<pid_t> Daemon::pids(const std::string& pool_name) const
{
    std::vector<pid_t> result;
    for (const Row& one : rows(pool_name))
        if (one.pid)
            result.push_back(*one.pid);
    return result;
}

Endpoint Daemon::at(const std::string& name) const
{
    return Endpoint{socket(name).at("address").as_string().c_str()};
}

bool Daemon::all_ready(const std::string& pool_name, unsigned workers) const
{
    const auto all = rows(pool_name);
    return all.size() == workers &&
           std::all_of(all.begin(), all.end(), [](const Row& one) { return one.state == "ready"; });
}

pid_t Daemon::master() const
{
    return status().at("daemon").at("pid").to_number<pid_t>();
}

bool Daemon::logs(const std::string& text, Milliseconds within) const
{
    return eventually(within, [&] { return log().find(text) != std::string::npos; });
}

Ended Daemon::stop()
{
    child_->signal(SIGTERM);
    const auto end = child_->wait();
    if (!end)
        throw std::runtime_error("ostlerd does not end at SIGTERM, its log:\n" + log());
    return *end;
}

} // namespace ostler::test
