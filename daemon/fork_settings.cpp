// SPDX-License-Identifier: MIT
#include "daemon/fork_settings.hpp"

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

} // namespace

config::ValuePtr settings_from(const json::object& said)
{
    return tree_of(said);
}

json::object json_of(const config::Settled& settled)
{
    using Kind = config::Output::Kind;
    const config::Program& program = settled.program;
    const auto args = program.args.begin() + static_cast<std::ptrdiff_t>(settled.exec_args);
    json::object all{{"exec", program.exec},
                     {"execArgv", list(program.args.begin(), args)},
                     {"args", list(args, program.args.end())},
                     {"cwd", config::for_program(program.cwd)},
                     {"env", variables(program)},
                     {"uid", nullptr},
                     {"gid", nullptr},
                     {"silent", program.out.kind == Kind::log && program.err.kind == Kind::log}};
    if (program.user) {
        all["uid"] = program.user->uid;
        all["gid"] = program.user->gid;
    }
    return all;
}

} // namespace ostler
