// SPDX-License-Identifier: MIT
#include "config/settings.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "config/checks.hpp"
#include "config/cursor.hpp"
#include "config/names.hpp"
#include "config/permissions.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{
namespace
{

// The program as far as it is read, and what is put together at the end.
struct Draft {
    Program program;
    std::size_t descriptors = 0; // that have come along
    std::vector<std::string> exec_args;
};

template <auto Read>
void program(const Cursor& at, Draft& draft)
{
    Read(at, draft.program);
}

void read_new_args(const Cursor& at, Draft& draft)
{
    draft.program.args.clear();
    read_args(at, draft.program);
}

void read_exec_args(const Cursor& at, Draft& draft)
{
    for (const Cursor& item : at.items("a list of strings"))
        read_text_for_workers(item, draft.exec_args.emplace_back());
}

void read_silent(const Cursor& at, Draft& draft)
{
    bool silent = false;
    read(at, silent);
    draft.program.out =
        draft.program.err = {.kind = silent ? Output::Kind::log : Output::Kind::inherit};
}

void read_later(const Cursor&, Draft&) {} // user, group: together; stdio: when silent is known

void read_windows_hide(const Cursor& at, Draft&)
{
    bool hide = false;
    read(at, hide);
}

void read_serialization(const Cursor& at, Draft&)
{
    const auto word = at.text("json");
    if (word && *word != "json")
        at.complain("a channel has no mode: each message is bytes, and says by its own content "
                    "flag whether they are JSON; leave this out");
}

void refuse_inspect_port(const Cursor& at, Draft&)
{
    at.complain_of_key("is Node's own: a program that is no Node has no inspector; a port for each "
                       "worker is `ports`: {inspect: {base: 9229}} becomes ${OSTLER_PORT_INSPECT}");
}

// --- stdio: a list, its first three for 0 to 2, the others for the numbers that follow. ---

constexpr std::size_t most_stdio = 64;

void read_number(const Cursor& at, std::size_t descriptors, unsigned& handle)
{
    if (descriptors == 0)
        return at.complain("no descriptors came along: a number says which of them");
    read_whole(at, handle, {0, static_cast<std::int64_t>(descriptors) - 1});
}

void read_standard_input(const Cursor& at, const std::string& word)
{
    if (word == "pipe" || word == "overlapped" || word == "inherit")
        at.complain(
            "a worker's standard input is /dev/null or a descriptor: make the pipe yourself, "
            "and send its end for reading");
    else if (word != "ignore" && word != "null")
        at.expected("ignore, or the number of a descriptor that came along");
}

void read_standard_output(const Cursor& at, const std::string& word, Output& output)
{
    using Kind = Output::Kind;
    if (word == "pipe" || word == "overlapped" || word == "log")
        output = {.kind = Kind::log};
    else if (word == "inherit")
        output = {.kind = Kind::inherit};
    else if (word == "ignore" || word == "null")
        output = {.kind = Kind::null};
    else
        at.expected("pipe, inherit, ignore or the number of a descriptor that came along");
}

void read_further(const Cursor& at, const std::string& word, int number, Draft& draft)
{
    Stdio& stdio = draft.program.stdio;
    if (word == "ipc" && stdio.channel)
        at.complain("there is one channel, and `ipc` stands here already");
    else if (word == "ipc" && !abilities_of(draft.program.protocol).channel)
        at.complain(fmt::format("a program with `protocol: {}` has no channel",
                                word_for(draft.program.protocol)));
    else if (word == "ipc")
        stdio.channel = number;
    else if (word != "ignore" && word != "null")
        at.expected("ipc, ignore or the number of a descriptor that came along");
}

void read_stdio_item(const Cursor& at, int number, Draft& draft)
{
    Program& program = draft.program;
    if (at.kind() == Value::Kind::nothing)
        return; // as if it was not said
    if (!at.in_quotes()) {
        unsigned handle = 0;
        read_number(at, draft.descriptors, handle);
        if (number == 0)
            program.stdio.in = handle;
        else if (number <= 2)
            (number == 1 ? program.out : program.err) = {.kind = Output::Kind::handle,
                                                         .handle = handle};
        else
            program.stdio.further.push_back({number, handle});
        return;
    }
    const std::string word = at.text("a word").value_or("");
    if (word == "descriptor")
        return at.complain(
            "stands for a descriptor that the daemon has: send it again, and say its "
            "number here");
    if (number == 0)
        read_standard_input(at, word);
    else if (number <= 2)
        read_standard_output(at, word, number == 1 ? program.out : program.err);
    else
        read_further(at, word, number, draft);
}

void read_stdio(const Cursor& at, Draft& draft)
{
    const auto items = at.items("a list like [ignore, pipe, pipe, ipc]");
    if (items.size() > most_stdio)
        return at.complain(fmt::format("has more than {} entries", most_stdio));
    if (items.size() > 3 && draft.program.protocol == Protocol::systemd)
        return at.complain("a program with `protocol: systemd` finds its sockets from 3 on: three "
                           "entries at most");
    for (std::size_t i = 0; i < items.size(); ++i)
        read_stdio_item(items[i], static_cast<int>(i), draft);
}

constexpr Key<Draft> keys[] = {
    {"exec", program<read_exec>},
    {"args", read_new_args},
    {"execArgv", read_exec_args},
    {"cwd", program<read_cwd>},
    {"env", program<read_env>},
    {"ports", program<read_ports>},
    {"user", read_later},
    {"group", read_later},
    {"silent", read_silent},
    {"stdio", read_later},
    {"windowsHide", read_windows_hide},
    {"serialization", read_serialization},
    {"inspectPort", refuse_inspect_port},
};

const Key<Draft>* find_key(std::string_view name)
{
    const auto* const found = std::ranges::find(keys, name, &Key<Draft>::name);
    return found != std::end(keys) ? found : nullptr;
}

std::string_view one_name(std::string_view key) // Node's names, and the spec's
{
    return key == "uid" ? "user" : key == "gid" ? "group" : key;
}

void refuse_setting(const Cursor& at)
{
    std::vector<std::string_view> known{"uid", "gid"};
    for (const auto& key : keys)
        known.push_back(key.name);
    at.complain_of_key(
        "there is no such setting" + suggestion(at.key(), known) +
        "; they are exec, args, execArgv, cwd, env, ports, uid, gid, silent and stdio, and the "
        "spec has the rest");
}

// Whoever is not named stays whom the spec names; a user brings groups along, as in the spec.
void read_identity(const Cursor& settings, Program& program)
{
    auto named = std::make_shared<Value>();
    named->kind = Value::Kind::map;
    for (const char* key : {"user", "group"})
        if (const Entry* entry = settings.node().find(key))
            named->entries.push_back(*entry);
    if (named->entries.empty())
        return;
    if (!named->find("user") && program.user) {
        auto user = std::make_shared<Value>();
        user->kind = Value::Kind::text;
        user->text = program.user->name;
        named->entries.push_back({"user", {}, {}, std::move(user)});
    }
    read_user(Cursor{settings.reading(), std::move(named)}, program);
}

Settled put_together(Draft draft)
{
    Settled settled{std::move(draft.program)};
    auto& args = settled.program.args;
    args.insert(args.begin(), draft.exec_args.begin(), draft.exec_args.end());
    settled.exec_args = draft.exec_args.size();
    return settled;
}

std::string lines_of(Problems problems)
{
    std::string lines;
    for (const Diagnostic& problem : std::move(problems).sorted())
        lines += (lines.empty() ? "" : "\n") + problem.path + ": " + problem.message;
    return lines;
}

} // namespace

ValuePtr no_settings()
{
    auto none = std::make_shared<Value>();
    none->kind = Value::Kind::map;
    return none;
}

Parsed<ValuePtr> merge_settings(const ValuePtr& before, const ValuePtr& now)
{
    for (const auto& [ours, nodes] : {std::pair{"user", "uid"}, {"group", "gid"}})
        if (now->find(ours) && now->find(nodes))
            return Wrong{fmt::format("settings.{} and settings.{} are the same: say one of them",
                                     ours, nodes)};
    auto merged = std::make_shared<Value>(*before);
    for (const Entry& entry : now->entries) {
        const std::string key{one_name(entry.key)};
        std::erase_if(merged->entries, [&](const Entry& said) { return said.key == key; });
        if (entry.value->kind != Value::Kind::nothing || !find_key(key))
            merged->entries.push_back({key, {}, "settings." + printable(entry.key), entry.value});
    }
    return ValuePtr{std::move(merged)};
}

Parsed<Settled> settle(const ValuePtr& settings, Program program, std::size_t descriptors,
                       const std::string& folder, const LoadOptions& options)
{
    Problems problems;
    Reading reading{problems, options.environment, folder};
    const Cursor root{reading, settings};
    Draft draft{std::move(program), descriptors};
    for (const Cursor& at : root.entries()) {
        const Key<Draft>* key = find_key(at.key());
        key ? key->read(at, draft) : refuse_setting(at);
    }
    if (const Cursor at = root.nearest({"stdio"}); root.has("stdio"))
        read_stdio(at, draft); // in the place of `silent`, wherever that stands
    read_identity(root, draft.program);
    if (const auto name = undeclared_port(draft.program))
        problems.add({}, "settings", "${" + *name + "} is used, and `ports` has no such entry");
    if (const auto why = distrust_as_root(draft.program); why && !options.insecure)
        problems.add({}, "settings", draft.program.exec + ": " + *why);
    if (!problems.none())
        return Wrong{lines_of(std::move(problems))};
    return put_together(std::move(draft));
}

std::vector<std::string> without_effect(const Value& settings)
{
    std::vector<std::string> sentences;
    if (settings.find("windowsHide"))
        sentences.emplace_back("windowsHide has no effect: on Linux a program opens no window");
    if (settings.find("serialization"))
        sentences.emplace_back("serialization has no effect: each message says by itself whether "
                               "it is JSON");
    return sentences;
}

} // namespace ostler::config
