// SPDX-License-Identifier: MIT
// The command line's own part: what was typed, and how a status looks.
#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "cmd/ostler/columns.hpp"
#include "cmd/ostler/command_line.hpp"
#include "cmd/ostler/status_table.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/text/utf8.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace ostler::cli;

namespace
{

std::optional<Parsed> parse(std::vector<const char*> words, int& exit)
{
    words.insert(words.begin(), "ostler");
    return parse_command_line(static_cast<int>(words.size()), words.data(), exit);
}

boost::json::object status(const char* text)
{
    return boost::json::parse(text).as_object();
}

} // namespace

TEST_CASE("options stand before or after the verb")
{
    int exit = -1;
    for (const auto& words : std::vector<std::vector<const char*>>{
             {"--socket", "/s", "--json", "logs", "api/2", "-n", "5", "-f"},
             {"logs", "-n5", "api/2", "--follow", "--socket=/s", "--json"},
             {"-f", "logs", "--number", "5", "--json", "--socket", "/s", "api/2"}}) {
        const auto parsed = parse(words, exit);
        REQUIRE(parsed);
        CHECK(parsed->verb->name == "logs");
        CHECK(parsed->call.arguments == std::vector<std::string>{"api/2"});
        CHECK(parsed->call.socket() == "/s");
        CHECK(parsed->call.json());
        CHECK(parsed->call.has("follow"));
        CHECK(parsed->call.text("number") == "5");
    }
}

TEST_CASE("what follows -- belongs to the command")
{
    int exit = -1;
    const auto parsed = parse({"run", "-n", "2", "--", "server", "--json", "-n", "7"}, exit);
    REQUIRE(parsed);
    CHECK(parsed->call.command == std::vector<std::string>{"server", "--json", "-n", "7"});
    CHECK_FALSE(parsed->call.json());
}

TEST_CASE("wrong usage is exit 64, whatever is wrong")
{
    for (const auto& words : std::vector<std::vector<const char*>>{{},
                                                                   {"--json"},
                                                                   {"statsu"},
                                                                   {"fork"},
                                                                   {"status", "a", "b"},
                                                                   {"scale", "api"},
                                                                   {"status", "--follow"},
                                                                   {"reload", "--no-such"},
                                                                   {"status", "--", "x"},
                                                                   {"stop", "--timeout", "soon"},
                                                                   {"stop", "--timeout"}}) {
        int exit = -1;
        CHECK_FALSE(parse(words, exit));
        CHECK(exit == exit_usage);
    }
}

TEST_CASE("a verb that is none: what was meant, or that it is to come")
{
    CHECK(unknown_verb("statsu").find("\"status\"") != std::string::npos);
    CHECK(unknown_verb("upgrade") == "\"upgrade\" is not built yet; see ostler --help for what is");
    CHECK(unknown_verb("frobnicate") == "there is no verb \"frobnicate\"; see ostler --help");
}

TEST_CASE("times and sizes are short and read like people say them")
{
    CHECK(human_time(0) == "0.0s");
    CHECK(human_time(1.24) == "1.2s");
    CHECK(human_time(59.9) == "59s");
    CHECK(human_time(60) == "1m 00s");
    CHECK(human_time(3599) == "59m 59s");
    CHECK(human_time(12'240) == "3h 24m");
    CHECK(human_time(352'800) == "4d 02h");
    CHECK(human_size(0) == "0");
    CHECK(human_size(1023) == "1023");
    CHECK(human_size(1'835'008) == "1.8M");
    CHECK(human_size(64'000'000'000) == "60G");
}

TEST_CASE("a status is a table that lines up")
{
    const auto whole = status(R"({
        "daemon": {"keeper_pid": 4709, "version": "0.1.0", "uptime_s": 3723, "generation": 2,
                   "config": "/etc/ostler/ostler.yaml", "ready": true, "stopping": false,
                   "last_reload_error": null, "waiting_edit": null},
        "sockets": [{"name": "web", "address": "tcp://0.0.0.0:8000", "scheduling": "round-robin",
                     "accepted": 123456, "pending": 0, "refused": 0}],
        "pools": [{"name": "api", "state": "running", "desired": 2, "ready": 1, "degraded": null,
          "workers": [
            {"id": 1, "slot": 0, "pid": 4711, "state": "ready", "uptime_s": 3720.5, "restarts": 0,
             "accepted": 123456, "pending": 0, "open": 2, "last_exit": null,
             "next_start_in_s": null, "rss_bytes": 1835008},
            {"id": null, "slot": 1, "pid": null, "state": "backoff", "uptime_s": null,
             "restarts": 3, "accepted": 0, "pending": 0, "open": null,
             "last_exit": {"code": 1, "signal": null, "text": "exited with code 1"},
             "next_start_in_s": 2.31, "rss_bytes": null}]}]})");
    CHECK(status_table(whole, Colour::no) ==
          "ostlerd 0.1.0  ready  pid 4709  up 1h 02m  generation 2  /etc/ostler/ostler.yaml\n"
          "\n"
          "SOCKET  ADDRESS             SCHEDULING   ACCEPTED  PENDING  REFUSED\n"
          "web     tcp://0.0.0.0:8000  round-robin    123456        0        0\n"
          "\n"
          "WORKER   ID   PID  STATE        UP  RESTARTS  ACCEPTED  PENDING  OPEN  MEMORY\n"
          "\n"
          "pool api  1/2 ready\n"
          "  api/0   1  4711  ready    1h 02m         0    123456        0     2    1.8M\n"
          "  api/1   -     -  backoff       -         3         0        0     -       -\n"
          "    next try in 2.3s; last exited with code 1\n");
}

TEST_CASE("a status has colours only where they are wanted, and none of others")
{
    const auto sly = status(R"({"daemon": {"version": "1\u001b[31m", "ready": false,
        "last_reload_error": "a:1:2: bad\nb:\u00073"}, "pools": []})");
    const auto plain = status_table(sly, Colour::no);
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(plain.find("1\\x1b[31m") != std::string::npos);
    CHECK(plain.find("the last reload failed: a:1:2: bad\nb:\\x073\n") != std::string::npos);
    CHECK(status_table(sly, Colour::yes).find("\x1b[33mnot ready\x1b[0m") != std::string::npos);
}

TEST_CASE("any object makes a table")
{
    for (const char* text : {"{}", R"({"daemon": 1, "sockets": {}, "pools": [{}]})",
                             R"({"daemon": {}, "sockets": [{}], "pools": [{"workers": [{}]}]})"})
        CHECK_NOTHROW(status_table(status(text), Colour::yes));
}

TEST_CASE("a sentence beside a row goes below it where the row would get too wide")
{
    Columns narrow{{{"A"}, {"", Side::after}}};
    narrow.add({{"x"}, {"a note"}});
    CHECK(narrow.render(Colour::no) == "A\nx  a note\n");
    Columns wide{{{"A"}, {"", Side::after}}};
    wide.add({{std::string(95, 'x')}, {"a note"}});
    CHECK(wide.render(Colour::no) == "A\n" + std::string(95, 'x') + "\n    a note\n");
}

TEST_CASE("what a terminal would obey is made harmless, line by line")
{
    using text::printable;
    CHECK(printable("a\tb") == "a\tb");
    CHECK(printable("\x1b[2J\r\n") == "\\x1b[2J\\x0d\\x0a");
    CHECK(printable("\u009b"
                    "31m") == "\\xc2\\x9b31m");
    CHECK(printable("\xff\u20ac") == "\\xff\u20ac");
    CHECK(text::printable_lines("one\ntwo\r\n") == "one\ntwo\\x0d\n");
}
