// SPDX-License-Identifier: MIT
// ports: {NAME: {base: NUMBER}}
#include "config/ports.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

#include "config/names.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{
namespace
{

constexpr Key<Port> keys[] = {
    {"base", whole<&Port::base, 1, 65535>},
};

void read_port(const Cursor& at, Program& program)
{
    if (!valid_variable(at.key()))
        return at.complain_of_key("becomes part of a variable: letters, digits and _ only");
    Port port{at.key(), 0};
    const auto same = std::ranges::find(program.ports, variable_of(port), variable_of);
    if (same != program.ports.end())
        return at.complain_of_key(
            fmt::format("becomes {}, as {} does", variable_of(port), same->name));
    if (!at.has("base"))
        at.complain("`base` is missing: say which port the worker of slot 0 gets");
    read_map<Port>(at, port, keys);
    const auto twin = std::ranges::find(program.ports, port.base, &Port::base);
    if (port.base != 0 && twin != program.ports.end())
        return at.complain(fmt::format("has the same base as {}", twin->name));
    program.ports.push_back(std::move(port));
}

} // namespace

std::string variable_of(const Port& port)
{
    std::string variable{port_prefix};
    for (const char c : port.name)
        variable += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return variable;
}

void read_ports(const Cursor& at, Program& program)
{
    constexpr std::size_t most = 64;
    program.ports.clear(); // those of the spec, where settings name others
    const auto entries = at.entries("a map like {debug: {base: 9229}}");
    if (entries.size() > most)
        return at.complain(fmt::format("has more than {} entries", most));
    for (const Cursor& entry : entries)
        read_port(entry, program);
}

} // namespace ostler::config
