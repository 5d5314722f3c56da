// SPDX-License-Identifier: MIT
#include "daemon/status.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstdio>
#include <unistd.h>

#include "daemon/daemon.hpp"

namespace ostler
{
namespace
{

namespace json = boost::json;

// Tenths are enough for people, and make equal states print equal.
double seconds(Clock::duration time)
{
    return std::round(std::chrono::duration<double>{time}.count() * 10) / 10;
}

json::value or_null(const std::string& text)
{
    return text.empty() ? json::value{} : json::value(text);
}

json::value rss_of(pid_t pid)
{
    char path[48];
    std::snprintf(path, sizeof path, "/proc/%d/statm", static_cast<int>(pid));
    std::FILE* file = std::fopen(path, "re");
    if (!file)
        return nullptr;
    long total = 0;
    long resident = 0;
    const int read = std::fscanf(file, "%ld %ld", &total, &resident);
    std::fclose(file);
    return read == 2 ? json::value(resident * ::sysconf(_SC_PAGESIZE)) : json::value{};
}

json::value ending_row(const std::optional<Ending>& ending)
{
    if (!ending)
        return nullptr;
    return json_of(*ending);
}

const char* state_of(const Slot& slot)
{
    return (slot.worker() ? name_of(slot.worker()->state()) : name_of(slot.state())).data();
}

void add_process(json::object& row, const Worker& worker)
{
    const WorkerSockets::Traffic traffic = worker.sockets().traffic();
    row["id"] = worker.id();
    row["online"] = worker.told_online();
    row["disconnected"] = worker.told_disconnect();
    row["generation"] = worker.generation();
    row["uptime_s"] = seconds(worker.uptime());
    row["accepted"] = traffic.accepted;
    row["pending"] = traffic.pending;
    if (traffic.open)
        row["open"] = *traffic.open;
    if (worker.pid()) {
        row["pid"] = *worker.pid();
        row["rss_bytes"] = rss_of(*worker.pid());
    }
}

json::object slot_row(const Slot& slot)
{
    json::object row{{"id", nullptr},
                     {"slot", slot.index()},
                     {"pid", nullptr},
                     {"online", false},
                     {"disconnected", false},
                     {"forked", slot.extra()},
                     {"state", state_of(slot)},
                     {"generation", slot.generation()},
                     {"uptime_s", nullptr},
                     {"restarts", slot.restarts()},
                     {"accepted", 0},
                     {"pending", 0},
                     {"open", nullptr},
                     {"last_exit", ending_row(slot.last_ending())},
                     {"next_start_in_s", nullptr},
                     {"rss_bytes", nullptr}};
    if (const auto next = slot.next_start_in())
        row["next_start_in_s"] = seconds(*next);
    if (slot.worker())
        add_process(row, *slot.worker());
    return row;
}

json::object pool_row(const Pool& pool)
{
    const auto& names = pool.spec()->program.sockets;
    json::array sockets(names.begin(), names.end());
    json::array workers;
    for (const auto& slot : pool.slots())
        if (slot->in_use())
            workers.push_back(slot_row(*slot));
    return {{"name", pool.name()},
            {"desired", pool.desired()},
            {"ready", pool.ready_count()},
            {"degraded", or_null(pool.degraded())},
            {"state", pool.failed()    ? "failed"
                      : pool.running() ? "running"
                                       : "stopped"},
            {"generation", pool.generation()},
            {"sockets", std::move(sockets)},
            {"workers", std::move(workers)}};
}

json::object socket_row(const Listener& listener)
{
    const Listener::Counters& counters = listener.counters();
    return {{"name", listener.spec().name},
            {"address", listener.address()},
            {"asked_by", nullptr},
            {"scheduling",
             listener.scheduling() == config::Scheduling::shared ? "shared" : "round-robin"},
            {"accepted", counters.accepted},
            {"pending", listener.backlog_waiting()},
            {"refused", counters.shed},
            {"taken_back", counters.taken_back},
            {"rebound", counters.rebound},
            {"out_of_descriptors", counters.out_of_descriptors}};
}

json::object daemon_row(const Daemon& daemon)
{
    return {{"pid", ::getpid()},
            {"keeper_pid", daemon.keeper_pid()},
            {"version", OSTLER_VERSION},
            {"uptime_s", seconds(daemon.uptime())},
            {"config", daemon.spec().path},
            {"generation", daemon.generation()},
            {"last_event", daemon.last_event()},
            {"ready", daemon.ready()},
            {"stopping", daemon.stopping()},
            {"last_reload_error", or_null(daemon.last_reload_error())},
            {"waiting_edit", or_null(daemon.waiting_edit())}};
}

// Those texts name other pools, and whether it is ready depends on them.
void keep_within(json::object& row, const Daemon& daemon, const ControlScope& scope)
{
    row["last_reload_error"] = row["waiting_edit"] = nullptr;
    row["ready"] = !daemon.stopping() && std::ranges::all_of(daemon.pools(), [&](const auto& pool) {
        return !scope.covers(pool->name()) || pool->ready();
    });
}

// Whether one of those pools lists this socket.
bool lists(const Daemon& daemon, const ControlScope& scope, const std::string& socket)
{
    return std::ranges::any_of(daemon.pools(), [&](const auto& pool) {
        return scope.covers(pool->name()) &&
               std::ranges::count(pool->spec()->program.sockets, socket) > 0;
    });
}

} // namespace

json::object status_of(const Daemon& daemon, const std::optional<std::string>& pool,
                       const ControlScope* scope)
{
    json::array sockets;
    for (const auto& listener : daemon.sockets().in_order_of(daemon.spec()))
        if (!scope || lists(daemon, *scope, listener->spec().name))
            sockets.push_back(socket_row(*listener));
    for (const auto& [asker, listener] : daemon.asked().open()) {
        if (scope && !scope->covers(asker))
            continue;
        json::object row = socket_row(*listener);
        row["asked_by"] = asker;
        sockets.push_back(std::move(row));
    }
    json::object row = daemon_row(daemon);
    if (scope)
        keep_within(row, daemon, *scope);
    json::array pools;
    for (const auto& one : daemon.pools())
        if ((!pool || one->name() == *pool) && (!scope || scope->covers(one->name())))
            pools.push_back(pool_row(*one));
    return {
        {"daemon", std::move(row)}, {"sockets", std::move(sockets)}, {"pools", std::move(pools)}};
}

} // namespace ostler
