// SPDX-License-Identifier: MIT
#include <csignal>
#include <string>
#include <sys/resource.h>

#include "config/names.hpp"
#include "config/scalars.hpp"
#include "ipc/text/utf8.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::config;

TEST_CASE("durations carry units, from large to small")
{
    struct Case {
        const char* text;
        Duration expected;
    };
    for (const auto& [text, expected] :
         {Case{"0", 0ms}, Case{"0s", 0ms}, Case{"250ms", 250ms}, Case{"30s", 30s},
          Case{"1m30s", 90s}, Case{"2h", 2h}, Case{"1d", 24h}, Case{"1h1m1s1ms", 3661001ms},
          Case{"3650d", 24h * 3650}}) {
        INFO(text);
        CHECK(parse_duration(text) == expected);
    }
    for (const char* wrong : {"", "30", "s", "30x", "30 s", "-1s", "1.5s", "30s1m", "1s1s", "3651d",
                              "3650d1ms", "99999999999999999999s", "18446744073709551615ms"}) {
        INFO(wrong);
        CHECK_FALSE(parse_duration(wrong));
    }
}

TEST_CASE("sizes count in powers of 1024")
{
    struct Case {
        const char* text;
        std::uint64_t expected;
    };
    for (const auto& [text, expected] :
         {Case{"0", 0}, Case{"65536", 65536}, Case{"64K", 65536}, Case{"64KiB", 65536},
          Case{"10B", 10}, Case{"512M", 512ULL << 20}, Case{"2G", 2ULL << 30},
          Case{"1TiB", 1ULL << 40}}) {
        INFO(text);
        CHECK(parse_size(text) == expected);
    }
    for (const char* wrong : {"", "K", "-1", "1.5G", "64 K", "64k", "64KB", "iB", "1iB",
                              "9999999999999G", "18446744073709551616"}) {
        INFO(wrong);
        CHECK_FALSE(parse_size(wrong));
    }
}

TEST_CASE("whole numbers, numbers and percentages take all of the text")
{
    CHECK(parse_whole("42") == 42);
    CHECK(parse_whole("-5") == -5);
    for (const char* wrong : {"", "4x", " 4", "+4", "4.0", "0x10", "9223372036854775808"})
        CHECK_FALSE(parse_whole(wrong));

    CHECK(parse_number("1.5") == 1.5);
    for (const char* wrong : {"", "1,5", "nan", "inf", "1e999"})
        CHECK_FALSE(parse_number(wrong));

    CHECK(parse_percent("25%") == 0.25);
    CHECK(parse_percent("100%") == 1.0);
    for (const char* wrong : {"25", "%", "101%", "-1%", "0.25", "25 %"})
        CHECK_FALSE(parse_percent(wrong));
}

TEST_CASE("a mode is octal and looks it")
{
    CHECK(parse_mode("0660") == mode_t{0660});
    CHECK(parse_mode("022") == mode_t{022});
    for (const char* wrong : {"", "660", "0o660", "0680", "00660", "rw-r-----", "06"})
        CHECK_FALSE(parse_mode(wrong));
}

TEST_CASE("signals are known by name, with and without SIG")
{
    CHECK(parse_signal("SIGTERM") == SIGTERM);
    CHECK(parse_signal("TERM") == SIGTERM);
    CHECK(parse_signal("SIGWINCH") == SIGWINCH);
    CHECK(parse_signal("SIGRTMIN+3") == SIGRTMIN + 3);
    CHECK(parse_signal("RTMAX") == SIGRTMAX);
    for (const char* wrong : {"", "SIG", "sigterm", "15", "SIGNOPE", "RTMIN+99", "RTMIN+"})
        CHECK_FALSE(parse_signal(wrong));
}

TEST_CASE("resource limits have the unit of what they limit")
{
    struct Case {
        const char* name;
        const char* text;
        int resource;
        std::uint64_t expected;
    };
    for (const auto& [name, text, resource, expected] :
         {Case{"nofile", "65536", RLIMIT_NOFILE, 65536}, Case{"core", "0", RLIMIT_CORE, 0},
          Case{"core", "unlimited", RLIMIT_CORE, RLIM_INFINITY},
          Case{"stack", "8M", RLIMIT_STACK, 8 << 20}, Case{"cpu-seconds", "1m30s", RLIMIT_CPU, 90},
          Case{"cpu-seconds", "90", RLIMIT_CPU, 90}, Case{"cpu-seconds", "1ms", RLIMIT_CPU, 1}}) {
        INFO(name << ": " << text);
        const LimitName* limit = find_limit(name);
        REQUIRE(limit);
        CHECK(limit->resource == resource);
        CHECK(parse_limit(*limit, text) == expected);
    }
    CHECK_FALSE(parse_limit(*find_limit("nofile"), "64K"));
    CHECK_FALSE(parse_limit(*find_limit("nproc"), "-1"));
    CHECK(find_limit("memory") == nullptr);
}

TEST_CASE("names of pools and sockets")
{
    for (const char* right : {"a", "web", "web-2", "x_1"})
        CHECK(valid_name(right));
    CHECK(valid_name(std::string(64, 'a')));
    for (const char* wrong : {"", "Web", "2web", "-web", "web.2", "wéb", "api/2"})
        CHECK_FALSE(valid_name(wrong));
    CHECK_FALSE(valid_name(std::string(65, 'a')));
}

TEST_CASE("a mistyped word is answered with the one that was meant")
{
    CHECK(suggestion("worker", {"exec", "workers", "args"}) == "; did you mean \"workers\"?");
    CHECK(suggestion("scokets", {"sockets", "stop"}) == "; did you mean \"sockets\"?");
    CHECK(suggestion("banana", {"sockets", "stop"}).empty());
    CHECK(suggestion(std::string(100'000, 'a'), {"sockets"}).empty());
    CHECK(one_of({"a"}) == "a");
    CHECK(one_of({"a", "b", "c"}) == "a, b or c");
}

TEST_CASE("text is well-formed UTF-8 without control characters")
{
    CHECK_FALSE(ostler::text::first_byte_not_text("plain\ttext\r\n"));
    CHECK_FALSE(ostler::text::first_byte_not_text("ä€😀"));
    struct Case {
        std::string bytes;
        std::size_t at;
    };
    for (const auto& [bytes, at] :
         {Case{"a\x80", 1}, Case{"\xC0\xAF", 0}, Case{"a\xE0\x80\x80", 1}, Case{"\xED\xA0\x80", 0},
          Case{"\xF4\x90\x80\x80", 0}, Case{"ok \xE2\x82", 3}, Case{std::string{"a\0b", 3}, 1},
          Case{"\x1B[31m", 0}, Case{"\x7F", 0}}) {
        INFO(bytes);
        CHECK(ostler::text::first_byte_not_text(bytes) == at);
    }
}
