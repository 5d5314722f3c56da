// SPDX-License-Identifier: MIT
// What of a pool makes the process: program, arguments, environment, limits, output.
#include <algorithm>
#include <array>
#include <filesystem>

#include "config/address.hpp"
#include "config/lookup.hpp"
#include "config/readers.hpp"
#include "config/scalars.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

constexpr std::array<std::string_view, 3> limits_not_built{"memory", "cpu", "tasks"};

void read_variable(const Cursor& at, Program& program)
{
    if (!valid_variable(at.key()))
        return at.complain_of_key("is not the name of a variable: letters, digits and _ only");
    if (set_by_ostlerd(at.key()))
        return at.complain_of_key("is set by ostlerd: choose another name");
    const std::string what = "a string (\"\" for an empty one)";
    if (auto value = at.text(what, Filling::for_workers))
        program.env.emplace_back(at.key(), std::move(*value));
}

void read_limit(const Cursor& at, Program& program)
{
    const LimitName* limit = find_limit(at.key());
    if (!limit)
        return refuse_key(
            at, limits_not_built,
            {"as", "core", "cpu-seconds", "data", "fsize", "memlock", "nofile", "nproc", "stack"});
    const char* what = limit->unit == LimitName::Unit::bytes ? "a size like 512M, or unlimited"
                       : limit->unit == LimitName::Unit::seconds
                           ? "a duration like 30s, or unlimited"
                           : "a whole number, or unlimited";
    const auto text = at.text(what);
    const auto value = text ? parse_limit(*limit, *text) : std::nullopt;
    if (value)
        program.limits.push_back({limit->resource, *value});
    else if (text)
        at.expected(what);
}

// A folder named by the worker's variables cannot be looked for now.
void need_folder(const Cursor& at, const std::string& folder)
{
    const std::string path = fill_in(folder, {});
    if (needs_of_worker(folder).empty() && !is_folder(path))
        at.complain(fmt::format("there is no folder {}: make it first", path));
}

} // namespace

void read_exec(const Cursor& at, Program& program)
{
    const auto name = at.text("the path of a program");
    if (!name)
        return;
    const auto found = find_program(*name, at.reading().folder, at.reading().environment);
    if (found)
        program.exec = *found;
    else
        at.complain(found.wrong());
}

void read_args(const Cursor& at, Program& program)
{
    for (const Cursor& item : at.items("a list of strings"))
        read_text_for_workers(item, program.args.emplace_back());
}

void read_socket_names(const Cursor& at, Program& program)
{
    for (const Cursor& item : at.items("a list of names of sockets"))
        read(item, program.sockets.emplace_back());
}

void read_controlled_pools(const Cursor& at, Program& program)
{
    for (const Cursor& item : at.items("a list of names of pools"))
        read(item, program.controls.emplace_back());
}

void read_env(const Cursor& at, Program& program)
{
    for (const Cursor& entry : at.entries("a map of variables"))
        read_variable(entry, program);
}

void read_cwd(const Cursor& at, Program& program)
{
    std::string path;
    read_text_for_workers(at, path);
    if (path.empty())
        return;
    program.cwd = absolute(path, at.reading().folder);
    need_folder(at, program.cwd);
}

void read_limits(const Cursor& at, Program& program)
{
    for (const Cursor& entry : at.entries("a map of limits"))
        read_limit(entry, program);
}

void read_cpu_affinity(const Cursor& at, Program& program)
{
    read_whole_list(at, program.cpu_affinity, {0, known_cpus() - 1});
}

void read_umask(const Cursor& at, Program& program)
{
    read_mode(at, program.umask.emplace());
}

void read(const Cursor& at, Output& output)
{
    constexpr std::array simple{Word{"log", Output::Kind::log},
                                Word{"inherit", Output::Kind::inherit},
                                Word{"null", Output::Kind::null}};
    const std::string what = "log, inherit, null or file:PATH";
    if (at.kind() == Value::Kind::nothing) { // `stdout: null`: YAML's own word for nothing
        output.kind = Output::Kind::null;
        return;
    }
    const auto text = at.text(what, Filling::for_workers);
    if (!text)
        return;
    for (const auto& [word, kind] : simple)
        if (word == *text) {
            output.kind = kind;
            return;
        }
    if (!text->starts_with("file:") || text->size() == 5)
        return at.expected(what);
    output = {Output::Kind::file, absolute(text->substr(5), at.reading().folder)};
    need_folder(at, std::filesystem::path{output.path}.parent_path().string());
}

} // namespace ostler::config
