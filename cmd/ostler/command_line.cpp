// SPDX-License-Identifier: MIT
#include "cmd/ostler/command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <iomanip>
#include <iostream>

#include "config/scalars.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cli
{
namespace
{

namespace po = boost::program_options;

po::options_description known_options()
{
    po::options_description known{"Options"};
    auto add = known.add_options();
    add("socket", po::value<std::string>()->value_name("PATH"),
        "the daemon's control socket (or $OSTLER_SOCKET)");
    add("json", "print data as JSON");
    add("timeout", po::value<std::string>()->value_name("TIME"),
        "give up waiting after this long: 30s, 2m");
    add("help,h", "show this");
    add("version,V", "show the version");
    add("config,c", po::value<std::string>()->value_name("FILE"), "start: the spec");
    add("insecure-spec", "start, check: accept a spec that others may write");
    add("now", "stop: do not wait for what runs");
    add("dry-run", "reload: show what would change");
    add("watch,w", "status: again every second");
    add("follow,f", "logs, events: go on with what comes");
    add("since", po::value<std::string>()->value_name("N"), "events: those after this number");
    add("content", po::value<std::string>()->value_name("KIND"),
        "send: bytes (the default) or json");
    add("env,e", po::value<std::vector<std::string>>()->composing()->value_name("NAME=VALUE"),
        "fork: one more variable of the worker's environment");
    add("number,n", po::value<std::string>()->value_name("N"), "logs: lines; run: workers");
    add("listen,l", po::value<std::vector<std::string>>()->composing()->value_name("ADDR"),
        "run: an address, like tcp://127.0.0.1:8080");
    add("protocol", po::value<std::string>()->value_name("NAME"), "run: ostler, systemd or none");
    return known;
}

void show_help(const po::options_description& known)
{
    std::cout << "usage: ostler VERB [ARGUMENT...] [OPTION...]\n\n";
    for (const Verb& verb : verbs())
        std::cout << "  " << std::left << std::setw(11) << verb.name << std::setw(34) << verb.usage
                  << verb.summary << "\n";
    std::cout << "\n"
              << known
              << "\nExit codes: 0 done, 1 failed, 2 timeout, 64 usage, 69 no daemon there, 71 "
                 "system, 77 not permitted, 78 config.\n"
                 "See ostler(1), ostlerd(8) and ostler.yaml(5).\n";
}

// The first mistake in what was given to the verb, as a sentence; empty when there is none.
std::string mistake(const Verb& verb, const Call& call)
{
    const std::string usage =
        "; usage: ostler " + std::string{verb.name} + " " + std::string{verb.usage};
    for (const auto& [name, value] : call.given) {
        const bool everywhere =
            name == "socket" || name == "json" || name == "timeout" || name == "words";
        if (!everywhere &&
            std::find(verb.options.begin(), verb.options.end(), name) == verb.options.end())
            return std::string{verb.name} + " takes no --" + name + usage;
    }
    if (call.arguments.size() < verb.least)
        return std::string{verb.name} + " needs more arguments" + usage;
    if (call.arguments.size() > verb.most)
        return std::string{verb.name} + " does not take \"" + call.arguments[verb.most] + "\"" +
               usage;
    if (!call.command.empty() && verb.run != run_run)
        return std::string{verb.name} + " takes nothing after --" + usage;
    if (call.has("timeout") && !config::parse_duration(*call.text("timeout")))
        return "--timeout wants a time with a unit, like 30s, not \"" + *call.text("timeout") +
               "\"";
    return {};
}

po::variables_map read_options(const std::vector<std::string>& words,
                               const po::options_description& known)
{
    po::options_description all;
    all.add(known).add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description positions;
    positions.add("words", -1);
    po::variables_map given;
    po::store(po::command_line_parser(words).options(all).positional(positions).run(), given);
    return given;
}

std::optional<Parsed> usage_error(const std::string& sentence, int& exit)
{
    exit = fail(exit_usage, sentence);
    return std::nullopt;
}

} // namespace

std::optional<Parsed> parse_command_line(int argc, const char* const* argv, int& exit)
try {
    std::vector<std::string> words{argv + 1, argv + argc};
    const auto dashes = std::find(words.begin(), words.end(), "--");
    Parsed parsed;
    if (dashes != words.end())
        parsed.call.command.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
    const po::options_description known = known_options();
    Call& call = parsed.call;
    call.given = read_options(words, known);
    if (call.has("words"))
        call.arguments = call.given["words"].as<std::vector<std::string>>();
    exit = exit_done;
    if (call.has("help"))
        return show_help(known), std::nullopt;
    if (call.has("version"))
        return std::cout << "ostler " OSTLER_VERSION "\n", std::nullopt;
    if (call.arguments.empty())
        return usage_error("which verb? see ostler --help", exit);
    parsed.verb = find_verb(call.arguments.front());
    if (!parsed.verb)
        return usage_error(unknown_verb(call.arguments.front()), exit);
    call.arguments.erase(call.arguments.begin());
    if (const std::string sentence = mistake(*parsed.verb, call); !sentence.empty())
        return usage_error(sentence, exit);
    return parsed;
} catch (const po::error& problem) {
    return usage_error(std::string{problem.what()} + "; see ostler --help", exit);
}

} // namespace ostler::cli
