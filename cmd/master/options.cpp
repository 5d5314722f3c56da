// SPDX-License-Identifier: MIT
#include "cmd/master/options.hpp"

#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>

#include "config/places.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

namespace po = boost::program_options;

po::options_description known_options()
{
    po::options_description known{"Options"};
    auto add = known.add_options();
    add("config,c", po::value<std::string>(),
        "the spec (default: $OSTLER_CONFIG, then /etc/ostler/ostler.yaml)");
    add("control", po::value<std::string>(), "path of the control socket, instead of the spec's");
    add("check", "report every mistake in the spec, and end");
    add("insecure-spec", "accept a spec that others may write (for development)");
    add("help,h", "show this, and end");
    add("version,V", "show the version, and end");
    return known;
}

std::optional<std::string> text(const po::variables_map& given, const char* name)
{
    if (given.count(name) == 0)
        return std::nullopt;
    return given[name].as<std::string>();
}

std::optional<Options> options_from(const po::variables_map& given, int& exit)
{
    Options options;
    options.control = text(given, "control");
    options.check = given.count("check") != 0;
    options.insecure_spec = given.count("insecure-spec") != 0;
    const auto found = text(given, "config") ? text(given, "config") : config::find_spec();
    if (!found) {
        std::cerr << "ostlerd: no spec: give one with --config FILE, or put it at "
                  << config::default_spec_path() << "\n";
        exit = exit_config;
        return std::nullopt;
    }
    options.config = *found;
    return options;
}

} // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit)
try {
    const po::options_description known = known_options();
    po::variables_map given;
    po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), given);
    exit = exit_done;
    if (given.count("help") != 0) {
        std::cout << "usage: ostlerd [--config FILE] [--control PATH]\n\n"
                     "Runs the pools of a spec in the foreground; `ostler start` does it in the "
                     "background.\n\n"
                  << known << "\nSee ostlerd(8), ostler(1) and ostler.yaml(5).\n";
        return std::nullopt;
    }
    if (given.count("version") != 0) {
        std::cout << "ostlerd " OSTLER_VERSION "\n";
        return std::nullopt;
    }
    return options_from(given, exit);
} catch (const po::error& problem) {
    std::cerr << "ostlerd: " << problem.what() << "; see ostlerd --help\n";
    exit = exit_usage;
    return std::nullopt;
}

} // namespace ostler
