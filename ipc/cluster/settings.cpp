// SPDX-License-Identifier: MIT
#include "ipc/cluster/settings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <string_view>

namespace ostler::cluster
{
namespace
{

namespace json = boost::json;
using Texts = std::vector<std::string>;
using Ports = std::map<std::string, std::uint16_t>;
using List = std::vector<Cluster::Stdio>;

json::array list_of(const Texts& texts)
{
    json::array list;
    for (const std::string& text : texts)
        list.emplace_back(text);
    return list;
}

// A number, where it is one whole: the name of a user may begin with a digit.
json::value user_or_number(const std::string& text)
{
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [at, bad] = std::from_chars(text.data(), end, number);
    return bad == std::errc{} && at == end ? json::value(number) : json::value(text);
}

void read(const json::value& value, std::optional<std::string>& into)
{
    if (value.is_string())
        into = std::string{value.get_string()};
    else if (value.is_int64())
        into = std::to_string(value.get_int64());
}

void read(const json::value& value, std::optional<bool>& into)
{
    if (value.is_bool())
        into = value.get_bool();
}

void read(const json::value& value, std::optional<Texts>& into)
{
    if (!value.is_array())
        return;
    into.emplace();
    for (const json::value& text : value.get_array())
        if (text.is_string())
            into->emplace_back(text.get_string());
}

void read(const json::value& value, std::optional<Cluster::Environment>& into)
{
    if (!value.is_object())
        return;
    into.emplace();
    for (const auto& [name, text] : value.get_object())
        if (text.is_string())
            into->emplace(name, std::string{text.get_string()});
}

void read(const json::value& value, std::optional<Ports>& into)
{
    if (!value.is_object())
        return;
    into.emplace();
    for (const auto& [name, port] : value.get_object())
        if (const auto* base = port.is_object() ? port.get_object().if_contains("base") : nullptr;
            base != nullptr && base->is_int64())
            into->emplace(name, static_cast<std::uint16_t>(base->get_int64()));
}

void read(const json::value& value, std::optional<List>& into)
{
    if (!value.is_array())
        return;
    into.emplace();
    for (const json::value& item : value.get_array())
        if (item.is_int64())
            into->emplace_back(static_cast<int>(item.get_int64()));
        else
            into->emplace_back(item.is_string() ? std::string{item.get_string()} : std::string{});
}

// One table of the keys, for both ways.
void each_field(auto& settings, auto&& visit)
{
    visit("exec", settings.exec);
    visit("execArgv", settings.exec_argv);
    visit("args", settings.args);
    visit("cwd", settings.cwd);
    visit("env", settings.env);
    visit("uid", settings.uid);
    visit("gid", settings.gid);
    visit("silent", settings.silent);
    visit("ports", settings.ports);
    visit("stdio", settings.stdio);
}

json::value value_of(std::string_view key, const std::string& text)
{
    return key == "uid" || key == "gid" ? user_or_number(text) : json::value(text);
}
json::value value_of(std::string_view, bool flag)
{
    return flag;
}
json::value value_of(std::string_view, const Texts& texts)
{
    return list_of(texts);
}
json::value value_of(std::string_view, const Cluster::Environment& variables)
{
    return json_of(variables);
}

json::value value_of(std::string_view, const Ports& ports)
{
    json::object object;
    for (const auto& [name, base] : ports)
        object[name] = json::object{{"base", base}};
    return object;
}
// Descriptors by their place among those that go along.
json::value value_of(std::string_view, const List& stdio)
{
    const std::vector<int> sent = descriptors_in(stdio);
    json::array list;
    for (const Cluster::Stdio& item : stdio)
        if (item.descriptor() >= 0)
            list.emplace_back(std::find(sent.begin(), sent.end(), item.descriptor()) -
                              sent.begin());
        else
            list.emplace_back(item.word().empty() ? json::value{} : json::value(item.word()));
    return list;
}

} // namespace

std::vector<int> descriptors_in(const List& stdio)
{
    std::vector<int> found;
    for (const Cluster::Stdio& item : stdio)
        if (item.descriptor() >= 0 &&
            std::find(found.begin(), found.end(), item.descriptor()) == found.end())
            found.push_back(item.descriptor());
    return found;
}

json::object json_of(const Cluster::Environment& variables)
{
    json::object object;
    for (const auto& [name, value] : variables)
        object[name] = value;
    return object;
}

json::object json_of(const Cluster::Settings& settings)
{
    json::object object;
    for (const std::string& key : settings.back_to_spec)
        object[key] = nullptr;
    each_field(settings, [&](std::string_view key, const auto& field) {
        if (field)
            object[key] = value_of(key, *field);
    });
    return object;
}

Cluster::Settings settings_in(const json::object& reply)
{
    Cluster::Settings settings;
    const json::value* all = reply.if_contains("settings");
    if (all == nullptr || !all->is_object())
        return settings;
    each_field(settings, [&](std::string_view key, auto& field) {
        if (const json::value* value = all->get_object().if_contains(key))
            read(*value, field);
    });
    return settings;
}

} // namespace ostler::cluster
