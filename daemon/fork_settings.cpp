// SPDX-License-Identifier: MIT
#include "daemon/fork_settings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "config/variables.hpp"

namespace ostler
{
namespace
{

namespace json = boost::json;
using config::Value;

config::ValuePtr tree_of(const json::value& said);

void fill(Value& value, const json::array& items)
{
    value.kind = Value::Kind::list;
    for (const json::value& item : items)
        value.items.push_back(tree_of(item));
}

void fill(Value& value, const json::object& entries)
{
    value.kind = Value::Kind::map;
    for (const auto& [key, entry] : entries)
        value.entries.push_back({std::string{key}, {}, {}, tree_of(entry)});
}

void fill(Value& value, std::string text)
{
    value.kind = Value::Kind::text;
    value.text = std::move(text);
}

config::ValuePtr tree_of(const json::value& said)
{
    auto value = std::make_shared<Value>();
    if (said.is_array())
        fill(*value, said.get_array());
    else if (said.is_object())
        fill(*value, said.get_object());
    else if (said.is_string())
        fill(*value, config::of_program(said.get_string()));
    else if (!said.is_null())
        fill(*value, json::serialize(said));
    value->in_quotes = said.is_string();
    return value;
}

template <typename Iterator>
json::array list(Iterator from, Iterator to)
{
    json::array texts;
    for (; from != to; ++from)
        texts.emplace_back(config::for_program(*from));
    return texts;
}

json::object variables(const config::Program& program)
{
    json::object env;
    for (const auto& [name, value] : program.env)
        env[name] = config::for_program(value);
    return env;
}

json::object ports(const config::Program& program)
{
    json::object ports;
    for (const config::Port& port : program.ports)
        ports[port.name] = json::object{{"base", port.base}};
    return ports;
}

// Not its place: that would mean another descriptor, where it is given back.
constexpr const char* of_controller = "descriptor";

json::value output(const config::Output& output)
{
    using Kind = config::Output::Kind;
    switch (output.kind) {
    case Kind::log:
        return "pipe";
    case Kind::inherit:
        return "inherit";
    case Kind::null:
        return "ignore";
    case Kind::file:
        return nullptr; // only the spec names files: as it says
    case Kind::handle:
        return of_controller;
    }
    return nullptr;
}

// By the number that each has in the worker; null: nothing, or what we put there.
json::array stdio(const config::Program& program)
{
    const config::Stdio& stdio = program.stdio;
    json::array all{stdio.in ? of_controller : "ignore", output(program.out), output(program.err)};
    const auto put = [&](int number, json::value what) {
        all.resize(std::max(all.size(), static_cast<std::size_t>(number) + 1));
        all[static_cast<std::size_t>(number)] = std::move(what);
    };
    if (stdio.channel)
        put(*stdio.channel, "ipc");
    for (const config::Stdio::Placed& placed : stdio.further)
        put(placed.number, of_controller);
    return all;
}

// Null where neither is so, and setting it would be a change.
json::value silent(const config::Program& program)
{
    using Kind = config::Output::Kind;
    const auto both = [&](Kind kind) {
        return program.out.kind == kind && program.err.kind == kind;
    };
    return both(Kind::log) ? json::value(true) : both(Kind::inherit) ? json::value(false) : nullptr;
}

} // namespace

config::ValuePtr settings_from(const json::object& said)
{
    return tree_of(said);
}

json::object json_of(const config::Settled& settled)
{
    const config::Program& program = settled.program;
    const auto args = program.args.begin() + static_cast<std::ptrdiff_t>(settled.exec_args);
    json::object all{{"exec", program.exec},
                     {"execArgv", list(program.args.begin(), args)},
                     {"args", list(args, program.args.end())},
                     {"cwd", config::for_program(program.cwd)},
                     {"env", variables(program)},
                     {"ports", ports(program)},
                     {"uid", nullptr},
                     {"gid", nullptr},
                     {"stdio", stdio(program)},
                     {"silent", silent(program)}};
    if (program.user) {
        all["uid"] = program.user->uid;
        all["gid"] = program.user->gid;
    }
    return all;
}

} // namespace ostler
