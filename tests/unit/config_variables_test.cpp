// SPDX-License-Identifier: MIT
#include <string>

#include "config/variables.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::config;

namespace
{

const std::array ports{Port{"debug", 9229}};
const WorkerFacts facts{3, 17, "api", ports};

const char* variable(const char* name)
{
    const std::string wanted = name;
    return wanted == "HOME"    ? "/root"
           : wanted == "EMPTY" ? ""
           : wanted == "PRICE" ? "5$ ${OSTLER_SLOT}"
                               : nullptr;
}

} // namespace

TEST_CASE("variables of the daemon are filled in at once")
{
    struct Case {
        const char* text;
        const char* expected;
    };
    for (const auto& [text, expected] :
         {Case{"plain", "plain"}, Case{"${HOME}/x", "/root/x"},
          Case{"${HOME}${HOME}", "/root/root"}, Case{"${NOPE:-a b}", "a b"}, Case{"${NOPE:-}", ""},
          Case{"${EMPTY:-x}", "x"}, Case{"${EMPTY}", ""}, Case{"$$", "$"},
          Case{"$${HOME}", "${HOME}"}, Case{"^x$", "^x$"}, Case{"$ 5", "$ 5"},
          Case{"${PRICE}", "5$ ${OSTLER_SLOT}"}}) {
        INFO(text);
        const auto value = expand(text, variable, Filling::at_once);
        REQUIRE(value);
        CHECK(*value == expected);
    }
}

TEST_CASE("a variable that cannot be filled in is an error")
{
    struct Case {
        const char* text;
        const char* sentence;
    };
    for (const auto& [text, sentence] :
         {Case{"${NOPE}", "the variable NOPE is not set in the environment of the daemon: set it, "
                          "or write ${NOPE:-default}"},
          Case{"${HOME", "a ${ has no } after it; a dollar sign is written $$"},
          Case{"${}", "\"\" is not the name of a variable; a dollar sign is written $$"},
          Case{"${a b}", "\"a b\" is not the name of a variable; a dollar sign is written $$"},
          Case{"$HOME", "a variable is written ${NAME}, and a dollar sign $$"},
          Case{"${OSTLER_SLOT}",
               "${OSTLER_SLOT} is known only when a worker starts: it can be used in args, env, "
               "cwd and the paths of stdout and stderr"}}) {
        INFO(text);
        const auto value = expand(text, variable, Filling::at_once);
        REQUIRE_FALSE(value);
        CHECK(value.wrong() == sentence);
    }
}

TEST_CASE("what a string grows to is bounded")
{
    const std::string large(100'000, 'x');
    const auto value = expand(
        "${A}${A}", [&](const char*) { return large.c_str(); }, Filling::at_once);
    REQUIRE_FALSE(value);
    CHECK(value.wrong() == "is longer than 128 KiB with its variables filled in");
}

TEST_CASE("variables of a worker are filled in when it starts, and nothing else is")
{
    struct Case {
        const char* text;
        const char* expected;
    };
    for (const auto& [text, expected] :
         {Case{"--slot=${OSTLER_SLOT}", "--slot=3"},
          Case{"${OSTLER_POOL}-${OSTLER_WORKER_ID}", "api-17"}, Case{"$$", "$"},
          Case{"$${OSTLER_SLOT}", "${OSTLER_SLOT}"}, Case{"x$", "x$"},
          Case{"127.0.0.1:${OSTLER_PORT_DEBUG}", "127.0.0.1:9232"}, Case{"${HOME}", "/root"},
          // A value of the environment is data, not a template.
          Case{"${PRICE}", "5$ ${OSTLER_SLOT}"}}) {
        INFO(text);
        const auto half = expand(text, variable, Filling::for_workers);
        REQUIRE(half);
        CHECK(fill_in(*half, facts) == expected);
    }
}

TEST_CASE("in what a program said, nothing but a worker's variables is filled in")
{
    struct Case {
        const char* said;
        const char* filled_in;
    };
    for (const auto& [said, filled_in] :
         {Case{"--slot=${OSTLER_SLOT}", "--slot=3"}, Case{"5$", "5$"}, Case{"a$$b", "a$$b"},
          Case{"${HOME} $HOME ${", "${HOME} $HOME ${"}, Case{"$${OSTLER_SLOT}", "$3"},
          Case{"", ""}}) {
        INFO(said);
        CHECK(fill_in(of_program(said), facts) == filled_in);
        CHECK(for_program(of_program(said)) == said);
    }
}

TEST_CASE("filling in is total on any text")
{
    for (const char* text : {"${", "${OSTLER_SLOT", "$", "$$$", "${OSTLER_SLOTS}", "${}"})
        CHECK_FALSE(fill_in(text, {0, 1, "p", {}}).empty());
    CHECK(fill_in("${OSTLER_SLOTS}", {0, 1, "p", {}}) == "${OSTLER_SLOTS}");
}

TEST_CASE("whether a text waits for its worker")
{
    CHECK_FALSE(needs_of_worker("/var/log/${OSTLER_POOL}").empty());
    CHECK_FALSE(needs_of_worker("$$${OSTLER_SLOT}").empty());
    CHECK(needs_of_worker("/var/log/x").empty());
    CHECK(needs_of_worker("$${OSTLER_SLOT}").empty());
}
