// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/log_line.hpp"
#include "ipc/text/utf8.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace std::string_view_literals;

namespace
{

LogEntry entry(std::string_view text)
{
    using namespace std::chrono_literals;
    return {std::chrono::system_clock::time_point{1'700'000'000s + 7ms}, Severity::warn, text};
}

} // namespace

TEST_CASE("a line of the log looks as its destination wants it")
{
    CHECK(log_line(LogLook::journal, entry("no room")) == "<4>no room\n");
    CHECK(log_line(LogLook::plain, entry("no room")) == "2023-11-14T22:13:20.007Z warn  no room\n");
    CHECK(log_line(LogLook::json, entry("no \"room\"")) ==
          R"({"time":"2023-11-14T22:13:20.007Z","level":"warn","message":"no \"room\""})"
          "\n");
}

TEST_CASE(
    "what follows the first line of a sentence is indented, and has its priority in the journal")
{
    CHECK(log_line(LogLook::journal, entry("two mistakes\na\n<0>b")) ==
          "<4>two mistakes\n<4>    a\n<4>    <0>b\n");
    CHECK(log_line(LogLook::plain, entry("one\ntwo")) ==
          "2023-11-14T22:13:20.007Z warn  one\n    two\n");
    CHECK(log_line(LogLook::json, entry("one\ntwo")).find(R"("one\n    two")") !=
          std::string::npos);
}

TEST_CASE("only a terminal gets colours")
{
    CHECK(log_line(LogLook::terminal, entry("x")).find("\x1b[33mwarn ") != std::string::npos);
    for (const auto look : {LogLook::journal, LogLook::plain, LogLook::json})
        CHECK(log_line(look, entry("x")).find('\x1b') == std::string::npos);
}

TEST_CASE("what a worker prints cannot move a cursor or break a parser")
{
    constexpr std::array cases{
        std::pair{"plain text\twith a tab"sv, "plain text\twith a tab"sv},
        std::pair{"Grüße, 馬 and 🐴"sv, "Grüße, 馬 and 🐴"sv},
        std::pair{"two\n<0>lines"sv, "two\\x0a<0>lines"sv},
        std::pair{"\x1b[2J"sv, "\\x1b[2J"sv},
        std::pair{"nul\0 del\x7f"sv, "nul\\x00 del\\x7f"sv},
        std::pair{"\xc2\x9b"sv, "\\xc2\\x9b"sv},                   // C1: CSI in one character
        std::pair{"\xff\x80"sv, "\\xff\\x80"sv},                   // never UTF-8
        std::pair{"cut \xe9\xa6"sv, "cut \\xe9\\xa6"sv},           // ends in the middle
        std::pair{"\xc0\xaf"sv, "\\xc0\\xaf"sv},                   // '/' in two bytes
        std::pair{"\xe0\x80\xaf"sv, "\\xe0\\x80\\xaf"sv},          // and in three
        std::pair{"\xed\xa0\x80"sv, "\\xed\\xa0\\x80"sv},          // half of a surrogate pair
        std::pair{"\xf4\x90\x80\x80"sv, "\\xf4\\x90\\x80\\x80"sv}, // beyond the last character
    };
    for (const auto& [text, shown] : cases)
        CHECK(text::printable(text) == shown);
}
