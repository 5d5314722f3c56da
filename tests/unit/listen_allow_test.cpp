// SPDX-License-Identifier: MIT
#include "config/listen_allow.hpp"

#include "config/address.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config_support.hpp"

using namespace ostler::config;
using Catch::Contains;
using Kind = ListenAllow::Kind;

namespace
{

constexpr uid_t somebody = 1000;

bool allowed(const ListenAllow& allow, const std::string& address, const Asker& asker = {somebody})
{
    return !forbidden(allow, *parse_address(address, "/"), asker);
}

ListenAllow patterns(std::vector<std::string> all)
{
    return {.kind = Kind::patterns, .patterns = std::move(all)};
}

Loaded spec_with(const std::string& listen_allow)
{
    return parse_in("pools: {p: {exec: /bin/sh,\n  listen_allow: " + listen_allow + "}}");
}

ListenAllow allowed_by(const std::string& listen_allow)
{
    const Loaded loaded = spec_with(listen_allow);
    CAPTURE(listen_allow, lines_of(loaded));
    REQUIRE(loaded.spec);
    return loaded.spec->pools.front().program.listen_allow;
}

} // namespace

TEST_CASE("listen_allow: declared allows nothing, any all")
{
    for (const char* address : {"tcp://127.0.0.1:8080", "tcp://[::]:0", "unix:/run/x", "unix:@x"}) {
        CHECK_FALSE(allowed({.kind = Kind::declared}, address));
        CHECK_FALSE(allowed({.kind = Kind::declared}, address, {.user = 0}));
        CHECK(allowed({.kind = Kind::any}, address));
    }
    CHECK(allowed({.kind = Kind::any}, "tcp://0.0.0.0:80"));
}

TEST_CASE("listen_allow: unprivileged, the default, keeps low ports for root")
{
    const ListenAllow allow;
    CHECK(allow.kind == Kind::unprivileged);
    for (const char* address : {"tcp://0.0.0.0:1", "tcp://[::1]:80", "udp://127.0.0.1:1023"}) {
        CHECK_FALSE(allowed(allow, address));
        CHECK(allowed(allow, address, {.user = 0}));
    }
    for (const char* address :
         {"tcp://0.0.0.0:1024", "tcp://[::1]:0", "udp://127.0.0.1:65535", "unix:/run/x", "unix:@x"})
        CHECK(allowed(allow, address));
    CHECK(allowed(allow, "tcp://0.0.0.0:80", {.user = somebody, .first_free_port = 80}));
    CHECK_FALSE(allowed(allow, "tcp://0.0.0.0:79", {.user = somebody, .first_free_port = 80}));
    CHECK_THAT(*forbidden(allow, *parse_address("tcp://0.0.0.0:80", "/"), {somebody}),
               Contains("ports below 1024"));
}

TEST_CASE("listen_allow: a list allows what one of its patterns matches, low ports too")
{
    const ListenAllow allow =
        patterns({"tcp://127.0.0.1:*", "tcp://*:443", "unix:/run/app/*.sock", "unix:@app-*"});
    for (const char* address : {"tcp://127.0.0.1:80", "tcp://127.0.0.1:0", "tcp://0.0.0.0:443",
                                "tcp://[::1]:443", "unix:/run/app/a.sock", "unix:@app-"})
        CHECK(allowed(allow, address));
    for (const char* address :
         {"tcp://127.0.0.2:80", "udp://127.0.0.1:80", "tcp://0.0.0.0:4430", "tcp://0.0.0.0:8443",
          "unix:/run/app/a/b.sock", "unix:/run/app/a.socket", "unix:/run/app", "unix:@app"})
        CHECK_FALSE(allowed(allow, address));
    CHECK_FALSE(allowed(patterns({}), "tcp://127.0.0.1:80", {.user = 0}));
}

TEST_CASE("a path cannot leave the folder of its pattern")
{
    const ListenAllow allow = patterns({"unix:/run/app/*"});
    CHECK(allowed(allow, "unix:/run/app/./x.sock"));
    CHECK_FALSE(allowed(allow, "unix:/run/app/../x.sock"));
    CHECK_FALSE(allowed(allow, "unix:/run/app/sub/../../x.sock"));
}

TEST_CASE("a star stands for any text without a slash")
{
    CHECK(matches("", ""));
    CHECK(matches("*", ""));
    CHECK(matches("*", "abc"));
    CHECK_FALSE(matches("*", "a/c"));
    CHECK(matches("a*c", "ac"));
    CHECK(matches("a*b*c", "aXbYbZc"));
    CHECK_FALSE(matches("a*b*c", "aXbYbZ"));
    CHECK(matches("**", "abc"));
    CHECK_FALSE(matches("abc", "abcd"));
    CHECK_FALSE(matches("abcd", "abc"));
    CHECK(matches("/*/x", "/a/x"));
    CHECK_FALSE(matches("/*/x", "/a/b/x"));
}

TEST_CASE("listen_allow in the spec: a word, or a list of addresses")
{
    CHECK(allowed_by("declared").kind == Kind::declared);
    CHECK(allowed_by("unprivileged").kind == Kind::unprivileged);
    CHECK(allowed_by("any").kind == Kind::any);
    // What is a whole address may be written in any of its spellings.
    CHECK(allowed_by("[\"tcp://[0::1]:80\", \"unix:/run/./x\", \"tcp://*:443\"]") ==
          patterns({"tcp://[::1]:80", "unix:/run/x", "tcp://*:443"}));
    CHECK(allowed_by("[]") == patterns({}));
}

TEST_CASE("what is no listen_allow is refused with a sentence")
{
    struct Case {
        const char* text;
        const char* line;
    };
    for (const auto& [text, line] : {
             Case{"all", "2:17: pools.p.listen_allow: expected declared, unprivileged, any, or a "
                         "list of addresses, found \"all\""},
             Case{"[8080]",
                  "2:18: pools.p.listen_allow[0]: \"8080\" matches no address: begin with "
                  "tcp://, udp://, unix:/ or unix:@"},
             Case{"[\"*\"]", "2:18: pools.p.listen_allow[0]: \"*\" matches no address: begin with "
                             "tcp://, udp://, unix:/ or unix:@"},
             Case{
                 "[\"tcp://localhost:80\"]",
                 "2:18: pools.p.listen_allow[0]: \"localhost\" is not an address in numbers: write "
                 "one like 127.0.0.1 or [::1], names are not looked up"},
             Case{"{a: b}",
                  "2:17: pools.p.listen_allow: expected declared, unprivileged, any, or a "
                  "list of addresses, found a map"},
             Case{"[[a]]", "2:18: pools.p.listen_allow[0]: expected an address like "
                           "\"tcp://127.0.0.1:8080\", or \"tcp://*:*\", found a list"},
         }) {
        const Loaded loaded = spec_with(text);
        CHECK(lines_of(loaded) == std::vector<std::string>{"spec.yaml:" + std::string{line}});
        CHECK_FALSE(loaded.spec);
    }
}
