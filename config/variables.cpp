// SPDX-License-Identifier: MIT
#include "config/variables.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "config/names.hpp"
#include "config/problems.hpp"

namespace ostler::config
{

namespace
{

constexpr std::array<std::string_view, 3> of_workers{"OSTLER_SLOT", "OSTLER_WORKER_ID",
                                                     "OSTLER_POOL"};
constexpr std::size_t longest_result = 128 << 10; // the kernel takes no longer argument

bool of_worker(std::string_view name)
{
    return std::ranges::count(of_workers, name) > 0 || name.starts_with(port_prefix);
}

// The text up to the next dollar sign; the rest begins with it.
std::string_view take_plain(std::string_view& rest)
{
    const auto plain = rest.substr(0, rest.find('$'));
    rest.remove_prefix(plain.size());
    return plain;
}

// `NAME` or `NAME:-default`, as between the braces.
struct Reference {
    std::string_view name;
    std::string_view fallback;
    bool has_fallback = false;
};

Reference split(std::string_view inside)
{
    const auto mark = inside.find(":-");
    if (mark == std::string_view::npos)
        return {inside, {}, false};
    return {inside.substr(0, mark), inside.substr(mark + 2), true};
}

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out.append(c == '$' ? 2 : 1, c);
    return out;
}

Parsed<std::string> value_of(const Reference& wanted, const Environment& environment,
                             Filling filling)
{
    if (!valid_variable(wanted.name))
        return Wrong{fmt::format("{} is not the name of a variable; a dollar sign is written $$",
                                 quote(wanted.name))};
    if (of_worker(wanted.name) && filling == Filling::for_workers)
        return fmt::format("${{{}}}", wanted.name);
    if (of_worker(wanted.name))
        return Wrong{fmt::format("${{{}}} is known only when a worker starts: it can be used in "
                                 "args, env, cwd and the paths of stdout and stderr",
                                 wanted.name)};
    const char* value = environment(std::string{wanted.name}.c_str());
    const bool missing = !value || (*value == '\0' && wanted.has_fallback);
    if (missing && !wanted.has_fallback)
        return Wrong{fmt::format("the variable {} is not set in the environment of the daemon: set "
                                 "it, or write ${{{}:-default}}",
                                 wanted.name, wanted.name)};
    const std::string_view text = missing ? wanted.fallback : std::string_view{value};
    return filling == Filling::for_workers ? escaped(text) : std::string{text};
}

// What the `$…` at the start of `rest` stands for; takes it.
Parsed<std::string> take_reference(std::string_view& rest, const Environment& environment,
                                   Filling filling)
{
    if (rest.starts_with("${")) {
        const auto end = rest.find('}');
        if (end == std::string_view::npos)
            return Wrong{"a ${ has no } after it; a dollar sign is written $$"};
        const auto inside = rest.substr(2, end - 2);
        rest.remove_prefix(end + 1);
        return value_of(split(inside), environment, filling);
    }
    const bool twice = rest.starts_with("$$");
    rest.remove_prefix(twice ? 2 : 1);
    if (!twice && !rest.empty() && valid_variable(rest.substr(0, 1)))
        return Wrong{"a variable is written ${NAME}, and a dollar sign $$"};
    return std::string{filling == Filling::for_workers ? "$$" : "$"};
}

// The variable of a worker that `rest` begins with; empty: it does not.
std::string_view name_at(std::string_view rest)
{
    const auto end = rest.find('}');
    if (!rest.starts_with("${") || end == std::string_view::npos)
        return {};
    const auto name = rest.substr(2, end - 2);
    return of_worker(name) && valid_variable(name) ? name : std::string_view{};
}

std::string value_for(std::string_view name, const WorkerFacts& facts)
{
    for (const Port& port : facts.ports)
        if (variable_of(port) == name)
            return std::to_string(number_of(port, facts.slot));
    return name == "OSTLER_SLOT"        ? std::to_string(facts.slot)
           : name == "OSTLER_WORKER_ID" ? std::to_string(facts.worker)
           : name == "OSTLER_POOL"      ? std::string{facts.pool}
                                        : ""; // a port without an entry: refused when it was read
}

} // namespace

Parsed<std::string> expand(std::string_view text, const Environment& environment, Filling filling)
{
    std::string out{take_plain(text)};
    while (!text.empty()) {
        auto value = take_reference(text, environment, filling);
        if (!value)
            return value;
        out += *value;
        out += take_plain(text);
        if (out.size() > longest_result)
            return Wrong{fmt::format("is longer than {} KiB with its variables filled in",
                                     longest_result >> 10)};
    }
    return out;
}

std::string fill_in(std::string_view text, const WorkerFacts& facts)
{
    std::string out{take_plain(text)};
    while (!text.empty()) {
        const std::string_view name = name_at(text);
        if (name.empty())
            out += '$'; // `$$`, or one that no reader of ours leaves behind
        else
            out += value_for(name, facts);
        text.remove_prefix(!name.empty() ? name.size() + 3 : text.starts_with("$$") ? 2 : 1);
        out += take_plain(text);
    }
    return out;
}

std::string of_program(std::string_view text)
{
    std::string out{take_plain(text)};
    while (!text.empty()) {
        const std::size_t size = name_at(text).empty() ? 1 : name_at(text).size() + 3;
        out += size == 1 ? std::string_view{"$$"} : text.substr(0, size);
        text.remove_prefix(size);
        out += take_plain(text);
    }
    return out;
}

std::string for_program(std::string_view text)
{
    std::string out{take_plain(text)};
    while (!text.empty()) {
        out += '$';
        text.remove_prefix(text.starts_with("$$") ? 2 : 1);
        out += take_plain(text);
    }
    return out;
}

std::vector<std::string_view> needs_of_worker(std::string_view text)
{
    std::vector<std::string_view> names;
    for (take_plain(text); !text.empty(); take_plain(text)) {
        if (const auto name = name_at(text); !name.empty())
            names.push_back(name);
        text.remove_prefix(text.starts_with("$$") ? 2 : 1);
    }
    return names;
}

} // namespace ostler::config
