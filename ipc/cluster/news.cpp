// SPDX-License-Identifier: MIT
#include "ipc/cluster/news.hpp"

#include <boost/json/array.hpp>
#include <set>
#include <utility>

namespace ostler::cluster
{
namespace
{

namespace json = boost::json;

// Objects in a list; what else is in it is not for us.
template <typename Use>
void each_in(const json::object& body, std::string_view key, Use use)
{
    const auto* list = body.if_contains(key);
    if (list == nullptr || !list->is_array())
        return;
    for (const auto& entry : list->get_array())
        if (entry.is_object())
            use(entry.get_object());
}

Cluster::AddressType type_in(const json::object& event)
{
    using Type = Cluster::AddressType;
    const std::string name = text_in(event, "address_type");
    if (!name.empty())
        return name == "udp6" ? Type::udp6 : Type::udp4;
    const auto number = number_in(event, "address_type").value_or(-1);
    return number == 6 ? Type::tcp6 : number == 4 ? Type::tcp4 : Type::unix_path;
}

Stage stage_of(const json::object& row)
{
    if (flag_in(row, "disconnected"))
        return Stage::disconnected;
    return flag_in(row, "online") ? Stage::online : Stage::forked;
}

std::optional<int> small(std::optional<std::int64_t> number)
{
    return number ? std::optional{static_cast<int>(*number)} : std::nullopt;
}

} // namespace

std::optional<std::int64_t> number_in(const json::object& body, std::string_view key)
{
    const auto* value = body.if_contains(key);
    return value != nullptr && value->is_int64() ? std::optional{value->get_int64()} : std::nullopt;
}

std::string text_in(const json::object& body, std::string_view key)
{
    const auto* value = body.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

bool flag_in(const json::object& body, std::string_view key)
{
    const auto* value = body.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

Cluster::WorkerId worker_in(const json::object& body)
{
    return static_cast<Cluster::WorkerId>(number_in(body, "worker").value_or(0));
}

std::optional<int> pid_in(const json::object& body)
{
    return small(number_in(body, "pid"));
}

Cluster::Address address_in(const json::object& event)
{
    return {type_in(event), text_in(event, "address"), small(number_in(event, "port")).value_or(-1),
            text_in(event, "socket")};
}

Cluster::Exit exit_in(const json::object& event)
{
    return {small(number_in(event, "code")), text_in(event, "signal"), text_in(event, "reason"),
            text_in(event, "text")};
}

Cluster::Message message_in(control::Message& message)
{
    const bool is_json = text_in(message.body, "content") == "json";
    Cluster::Message said{std::move(message.bytes).value_or(""),
                          is_json ? Cluster::Content::json : Cluster::Content::bytes,
                          {}};
    if (message.handle.valid())
        said.handle = std::make_shared<Cluster::Handle>(message.handle.release());
    return said;
}

Rows rows_in(const json::object& status)
{
    Rows rows;
    each_in(status, "pools", [&](const json::object& pool) {
        each_in(pool, "workers", [&](const json::object& row) {
            if (const auto id = number_in(row, "id")) // one that waits for its start has none
                rows.insert({static_cast<Cluster::WorkerId>(*id), {stage_of(row), pid_in(row)}});
        });
    });
    return rows;
}

std::int64_t last_event_in(const json::object& status)
{
    const auto* daemon = status.if_contains("daemon");
    return daemon != nullptr && daemon->is_object()
               ? number_in(daemon->get_object(), "last_event").value_or(0)
               : 0;
}

std::map<std::string, std::string> policies_in(const json::object& status)
{
    std::set<std::string> listed;
    each_in(status, "pools", [&](const json::object& pool) {
        const auto* sockets = pool.if_contains("sockets");
        if (sockets != nullptr && sockets->is_array())
            for (const auto& name : sockets->get_array())
                if (name.is_string())
                    listed.emplace(name.get_string());
    });
    std::map<std::string, std::string> policies;
    each_in(status, "sockets", [&](const json::object& socket) {
        if (listed.contains(text_in(socket, "name")))
            policies[text_in(socket, "name")] = text_in(socket, "scheduling");
    });
    return policies;
}

} // namespace ostler::cluster
