// SPDX-License-Identifier: MIT
// What workers print is kept, bounded, and shown.
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

bool shows(Daemon& d, const std::string& command, const std::string& text)
{
    return eventually([&] { return d.must(command).out.find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("logs shows the last lines of a pool, and -n how many", "[logs]")
{
    Daemon d{web_pool("args: [--print-lines, \"50\"]")};
    d.ready();
    REQUIRE(shows(d, "logs api", "line 50"));
    const std::string last = d.must("logs api -n 2").out;
    CHECK(std::count(last.begin(), last.end(), '\n') == 2);
    CHECK_THAT(last, Contains("line 49") && Contains("line 50"));
}

TEST_CASE("logs of one worker shows its lines alone", "[logs]")
{
    Daemon d{web_pool("workers: 2", "scheduling: round-robin")};
    d.ready();
    const Answer first = get(d.at("web"), "/print/one");
    const Answer second = get(d.at("web"), "/print/two");
    REQUIRE(first.slot != second.slot);
    const std::string of_first = "logs api/" + std::to_string(first.slot);
    REQUIRE(shows(d, of_first, "one"));
    REQUIRE(shows(d, "logs api", "two"));
    CHECK_THAT(d.must(of_first).out, !Contains("two"));
}

TEST_CASE("what a worker printed before it died is still there", "[logs]")
{
    Daemon d{web_pool()};
    d.ready();
    const pid_t pid = get(d.at("web"), "/print/farewell").pid;
    ::kill(pid, SIGKILL);
    REQUIRE(eventually([&] { return d.row("api").restarts == 1; }));
    CHECK(shows(d, "logs api", "farewell"));
}

TEST_CASE("logs -f follows until it is ended", "[logs]")
{
    Daemon d{web_pool()};
    d.ready();
    Child follower{{ostler_program, "--socket", d.control(), "logs", "api", "-f"}};
    REQUIRE(eventually([&] {
        (void)get(d.at("web"), "/print/news");
        return follower.out().find("news") != std::string::npos;
    }));
    follower.signal(SIGINT);
    CHECK(follower.wait());
}

TEST_CASE("a worker that floods its output harms nobody and is kept in bounds", "[logs]")
{
    Daemon d{web_pool() +
             "  loud:\n    exec: /bin/sh\n    args: [-c, \"yes flood | head -c 20000000; "
             "exec sleep 600\"]\n    protocol: none\n"};
    d.ready();
    REQUIRE(shows(d, "logs loud -n 1", "flood"));
    CHECK(get(d.at("web")).whole);
    CHECK(d.must("logs loud -n 1000000").out.size() < 200 * 1024);
}

TEST_CASE("workers' lines are in the daemon's log, with their slot", "[logs]")
{
    Daemon d{web_pool()};
    d.ready();
    (void)get(d.at("web"), "/print/hearme");
    CHECK(d.logs("hearme"));
    CHECK(d.logs("api/0"));
}

TEST_CASE("log format json is one object a line", "[logs]")
{
    Daemon d{plain_pool("", "log: {format: json}")};
    d.ready();
    REQUIRE(d.logs("ready:")); // lines are written by a thread of their own
    std::istringstream lines{d.log()};
    unsigned count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        CHECK(boost::json::parse(line).is_object());
    CHECK(count > 0);
}
