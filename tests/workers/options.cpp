// SPDX-License-Identifier: MIT
#include "tests/workers/options.hpp"

#include <array>
#include <cstdlib>
#include <string_view>
#include <variant>

namespace ostler::test
{

namespace
{

using Target =
    std::variant<bool Options::*, unsigned Options::*, int Options::*, std::string Options::*>;
struct Option {
    std::string_view name;
    Target target;
};

const std::array options{
    Option{"--start-ms", &Options::start_ms},
    Option{"--hang-in-start", &Options::hang_in_start},
    Option{"--never-listen", &Options::never_listen},
    Option{"--never-ready", &Options::never_ready},
    Option{"--ignore-term", &Options::ignore_term},
    Option{"--ignore-drain", &Options::ignore_drain},
    Option{"--block-ms", &Options::block_ms},
    Option{"--exit-after", &Options::exit_after_ms},
    Option{"--exit-code", &Options::exit_code},
    Option{"--exit-if", &Options::exit_if},
    Option{"--crash-on", &Options::crash_on},
    Option{"--log-taken", &Options::taken_log},
    Option{"--spawn-children", &Options::children},
    Option{"--children-leave-group", &Options::children_leave_group},
    Option{"--print-lines", &Options::print_lines},
    Option{"--scribble-page", &Options::scribble_page},
    Option{"--shutdown-listener", &Options::shutdown_listener},
    Option{"--once", &Options::once},
    Option{"--only-slot", &Options::only_slot},
};

void store(Options& into, bool Options::*member, const char*)
{
    into.*member = true;
}
void store(Options& into, unsigned Options::*member, const char* text)
{
    into.*member = static_cast<unsigned>(std::atoi(text));
}
void store(Options& into, int Options::*member, const char* text)
{
    into.*member = std::atoi(text);
}
void store(Options& into, std::string Options::*member, const char* text)
{
    into.*member = text;
}

const Option* find(std::string_view name)
{
    for (const Option& option : options)
        if (option.name == name)
            return &option;
    return nullptr;
}

} // namespace

std::optional<std::string> read_options(int argc, char** argv, Options& into)
{
    for (int i = 1; i < argc; ++i) {
        const Option* option = find(argv[i]);
        if (!option)
            return std::string{"unknown option "} + argv[i];
        const bool flag = std::holds_alternative<bool Options::*>(option->target);
        if (!flag && ++i == argc)
            return std::string{option->name} + " needs a value";
        std::visit([&](auto member) { store(into, member, argv[i]); }, option->target);
    }
    // What is meant for one slot leaves the others ordinary workers, which still keep the log.
    const char* slot = std::getenv("OSTLER_SLOT");
    if (!into.only_slot.empty() && (!slot || into.only_slot != slot)) {
        Options ordinary;
        ordinary.taken_log = into.taken_log;
        into = ordinary;
    }
    return {};
}

} // namespace ostler::test
