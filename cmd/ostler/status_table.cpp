// SPDX-License-Identifier: MIT
#include "cmd/ostler/status_table.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <string_view>
#include <vector>

#include "cmd/ostler/columns.hpp"
#include "ipc/text/utf8.hpp"

namespace ostler::cli
{
namespace
{

namespace json = boost::json;

std::string text(const json::object& row, const char* key)
{
    const json::value* value = row.if_contains(key);
    if (!value || value->is_null())
        return "-";
    if (const json::string* string = value->if_string())
        return text::printable(*string);
    return json::serialize(*value);
}

// For what may be of several lines.
std::string lines(const json::object& row, const char* key)
{
    const json::value* value = row.if_contains(key);
    return value && value->is_string() ? text::printable_lines(value->get_string()) : "-";
}

bool holds(const json::object& row, const char* key)
{
    const json::value* value = row.if_contains(key);
    return value && !value->is_null();
}

double number(const json::object& row, const char* key)
{
    return holds(row, key) ? row.at(key).to_number<double>() : 0;
}

const json::array& rows(const json::object& status, const char* key)
{
    static const json::array none;
    const json::value* value = status.if_contains(key);
    return value && value->is_array() ? value->get_array() : none;
}

Tint tint_of(const std::string& state)
{
    if (state == "ready")
        return Tint::good;
    if (state == "failed" || state == "backoff")
        return Tint::bad;
    return state == "stopped" ? Tint::dim : Tint::busy;
}

// What the last column says: when the next try is, and how the last worker ended.
std::string note(const json::object& worker)
{
    std::string note;
    if (holds(worker, "next_start_in_s"))
        note = "next try in " + human_time(number(worker, "next_start_in_s"));
    const json::value* ending = worker.if_contains("last_exit");
    if (ending && ending->is_object())
        note += (note.empty() ? "last " : "; last ") + text(ending->get_object(), "text");
    return note;
}

void daemon_line(std::string& out, const json::object& daemon, Colour colour)
{
    const bool ready = holds(daemon, "ready") && daemon.at("ready").as_bool();
    const bool stopping = holds(daemon, "stopping") && daemon.at("stopping").as_bool();
    const char* state = stopping ? "stopping" : ready ? "ready" : "not ready";
    out += "ostlerd " + text(daemon, "version") + "  " +
           tinted(state, ready ? Tint::good : Tint::busy, colour) + "  pid " +
           text(daemon, "keeper_pid") + "  up " + human_time(number(daemon, "uptime_s")) +
           "  generation " + text(daemon, "generation") + "  " + text(daemon, "config") + "\n";
    if (holds(daemon, "last_reload_error"))
        out += tinted("the last reload failed: " + lines(daemon, "last_reload_error"), Tint::bad,
                      colour) +
               "\n";
    if (holds(daemon, "waiting_edit"))
        out += tinted(text(daemon, "waiting_edit"), Tint::busy, colour) + "\n";
}

void socket_table(std::string& out, const json::array& sockets, Colour colour)
{
    if (sockets.empty())
        return;
    Columns table{{{"SOCKET"},
                   {"ADDRESS"},
                   {"SCHEDULING"},
                   {"ACCEPTED", Side::right},
                   {"PENDING", Side::right},
                   {"REFUSED", Side::right}}};
    for (const json::value& value : sockets) {
        const json::object& row = value.as_object();
        table.add({{text(row, "name")},
                   {text(row, "address")},
                   {text(row, "scheduling")},
                   {text(row, "accepted")},
                   {text(row, "pending")},
                   {text(row, "refused")}});
    }
    out += "\n" + table.render(colour);
}

Columns worker_columns()
{
    return Columns{{{"WORKER"},
                    {"ID", Side::right},
                    {"PID", Side::right},
                    {"STATE"},
                    {"UP", Side::right},
                    {"RESTARTS", Side::right},
                    {"ACCEPTED", Side::right},
                    {"PENDING", Side::right},
                    {"OPEN", Side::right},
                    {"MEMORY", Side::right},
                    {"", Side::after}}};
}

void add_worker(Columns& table, const std::string& pool, const json::object& row)
{
    const std::string state = text(row, "state");
    table.add({{"  " + pool + "/" + text(row, "slot")},
               {text(row, "id")},
               {text(row, "pid")},
               {state, tint_of(state)},
               {holds(row, "uptime_s") ? human_time(number(row, "uptime_s")) : "-"},
               {text(row, "restarts")},
               {text(row, "accepted")},
               {text(row, "pending")},
               {text(row, "open")},
               {holds(row, "rss_bytes") ? human_size(number(row, "rss_bytes")) : "-"},
               {note(row), Tint::dim}});
}

std::string pool_line(const json::object& pool, Colour colour)
{
    const bool whole = number(pool, "ready") >= number(pool, "desired") && !holds(pool, "degraded");
    std::string line = "pool " + text(pool, "name") + "  " +
                       tinted(text(pool, "ready") + "/" + text(pool, "desired") + " ready",
                              whole ? Tint::good : Tint::bad, colour);
    if (text(pool, "state") != "running")
        line += "  " + tinted(text(pool, "state"), Tint::bad, colour);
    if (holds(pool, "degraded"))
        line += "  " + tinted(text(pool, "degraded"), Tint::bad, colour);
    return line + "\n";
}

// One table for the workers of all pools, so that their columns line up; a line of the pool before
// each group.
void pool_tables(std::string& out, const json::array& pools, Colour colour)
{
    Columns table = worker_columns();
    for (const json::value& pool : pools) {
        table.add_line("");
        table.add_line(pool_line(pool.as_object(), colour));
        for (const json::value& worker : rows(pool.as_object(), "workers"))
            add_worker(table, text(pool.as_object(), "name"), worker.as_object());
    }
    out += "\n" + table.render(colour);
}

} // namespace

std::string status_table(const json::object& status, Colour colour)
{
    std::string out;
    if (const json::value* daemon = status.if_contains("daemon"); daemon && daemon->is_object())
        daemon_line(out, daemon->get_object(), colour);
    socket_table(out, rows(status, "sockets"), colour);
    if (!rows(status, "pools").empty())
        pool_tables(out, rows(status, "pools"), colour);
    return out;
}

std::string human_time(double seconds)
{
    char text[32];
    const auto whole = static_cast<long>(seconds);
    if (seconds < 10)
        std::snprintf(text, sizeof text, "%.1fs", seconds);
    else if (whole < 60)
        std::snprintf(text, sizeof text, "%lds", whole);
    else if (whole < 3600)
        std::snprintf(text, sizeof text, "%ldm %02lds", whole / 60, whole % 60);
    else if (whole < 86400)
        std::snprintf(text, sizeof text, "%ldh %02ldm", whole / 3600, whole / 60 % 60);
    else
        std::snprintf(text, sizeof text, "%ldd %02ldh", whole / 86400, whole / 3600 % 24);
    return text;
}

std::string human_size(double bytes)
{
    constexpr std::array units{"", "K", "M", "G", "T"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, bytes < 10 && unit > 0 ? "%.1f%s" : "%.0f%s", bytes,
                  units[unit]);
    return text;
}

} // namespace ostler::cli
