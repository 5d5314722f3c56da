// SPDX-License-Identifier: MIT
#include "ipc/cluster/settings.hpp"

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

} // namespace

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
