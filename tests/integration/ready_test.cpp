// SPDX-License-Identifier: MIT
// When a worker is ready, when a daemon is, and what becomes of those that never are.
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>

#include "ipc/control/client.hpp"
#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

long heard(Daemon& d, const std::string& line)
{
    const auto& heard = d.notified().heard();
    return std::count(heard.begin(), heard.end(), line);
}

bool says_ready(Daemon& d)
{
    return heard(d, "READY=1") > 0;
}

const std::string more_time = "EXTEND_TIMEOUT_USEC=15000000";

// As `ostler start` asks it.
ostler::control::Answer wait_ready(Daemon& d)
{
    auto connected = ostler::control::Client::connect(d.control());
    return std::get<ostler::control::Client>(connected).request("wait-ready", {},
                                                                Clock::now() + patience);
}

// A pool that fails for good, before the one that takes its time.
std::string failed_and_slow(const std::string& top)
{
    return web_pool("args: [--start-ms, \"1500\"]", "", top) +
           "  broken:\n    exec: /bin/false\n    protocol: none\n"
           "    restart: {backoff: {next: 1ms, max: 1ms}, budget: {restarts: 1, then: fail}}\n";
}

} // namespace

TEST_CASE("a worker with sockets is ready once it listens, and READY=1 waits for it", "[ready]")
{
    Daemon d{web_pool("args: [--start-ms, \"400\"]")};
    REQUIRE(eventually([&] { return d.up(); }));
    CHECK(d.row("api").state == "starting");
    CHECK_FALSE(says_ready(d));
    d.ready();
    CHECK(d.row("api").state == "ready");
}

TEST_CASE("a worker that never listens is not ready and is ended at its timeout", "[ready]")
{
    Daemon d{plain_pool() + "  api:\n    exec: WORKER\n    args: [--never-listen]\n"
                            "    sockets: [web]\n    ready: {timeout: 300ms}\n"
                            "sockets: {web: {listen: \"tcp://127.0.0.1:0\"}}\nready_when: any\n"};
    d.ready();
    REQUIRE(eventually([&] { return d.row("api").restarts > 0; }));
    CHECK(d.row("api").state != "ready");
}

TEST_CASE("online is enough where the spec says so", "[ready]")
{
    Daemon d{web_pool("args: [--never-listen]\nready: {when: online}")};
    d.ready();
    CHECK(d.row("api").state == "ready");
}

TEST_CASE("spawned is enough where the spec says so", "[ready]")
{
    Daemon d{web_pool("args: [--hang-in-start]\nready: {when: spawned}\nstop: {drain: 100ms}")};
    d.ready();
    CHECK(d.row("api").state == "ready");
}

TEST_CASE("a worker that hangs in its start is ended at its timeout and started again", "[ready]")
{
    Daemon d{web_pool("args: [--hang-in-start, --ignore-term]\nready: {timeout: 300ms}\n"
                      "stop: {kill_after: 100ms}")};
    REQUIRE(eventually([&] { return d.up(); }));
    REQUIRE(eventually([&] { return d.row("api").restarts >= 2; }));
    CHECK_FALSE(says_ready(d));
    CHECK(d.row("api").last_exit.is_object());
}

TEST_CASE("ready_when any is met by the first pool", "[ready]")
{
    Daemon d{web_pool("args: [--hang-in-start]", "", "ready_when: any") +
             "  job: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n"};
    d.ready();
    CHECK(d.row("api").state == "starting");
    CHECK(d.status().at("daemon").at("ready").as_bool());
}

TEST_CASE("STATUS says how many are ready, STOPPING that it ends", "[ready]")
{
    Daemon d{plain_pool()};
    d.ready();
    CHECK(d.stop().exit == 0);
    CHECK(d.notified().hears("STOPPING=1"));
    const auto& heard = d.notified().heard();
    CHECK(std::any_of(heard.begin(), heard.end(),
                      [](const std::string& line) { return line.rfind("STATUS=", 0) == 0; }));
}

TEST_CASE("one failed pool is not the last word where any is enough", "[ready]")
{
    Daemon d{failed_and_slow("ready_when: any")};
    REQUIRE(eventually([&] { return d.up() && d.row("broken").state == "failed"; }));
    REQUIRE(d.row("api").state == "starting");
    CHECK(wait_ready(d).exit == 0);
    CHECK(d.row("api").state == "ready");
}

TEST_CASE("one failed pool is the last word where all are asked for", "[ready]")
{
    Daemon d{failed_and_slow("")};
    REQUIRE(eventually([&] { return d.up(); }));
    const auto answer = wait_ready(d);
    CHECK(answer.exit == 1);
    CHECK_THAT(answer.message, Contains("broken"));
}

TEST_CASE("a pool that stays down or was stopped is not waited for", "[ready]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"exit 3\"]\nrestart: {policy: never}") +
             "  quiet: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n"};
    REQUIRE(eventually([&] { return d.up() && d.row("job").state == "stopped"; }));
    const auto answer = wait_ready(d);
    CHECK(answer.exit == 1);
    CHECK_THAT(answer.message, Contains("pool job") && Contains("exited with code 3"));
    d.must("scale job 0");
    CHECK(wait_ready(d).exit == 0);
    d.must("stop quiet");
    const auto stopped = wait_ready(d);
    CHECK(stopped.exit == 1);
    CHECK_THAT(stopped.message, Contains("pool quiet") && Contains("stopped"));
}

TEST_CASE("a reload while it starts does not say that it is ready", "[ready]")
{
    const std::string spec = web_pool("args: [--hang-in-start]\nstop: {kill_after: 100ms}");
    Daemon d{"watch: false\n" + spec};
    REQUIRE(eventually([&] { return d.up(); }));
    d.write_spec("watch: false\nlog: {level: debug}\n" + spec);
    d.must("reload");
    CHECK(throughout(200ms, [&] { return !says_ready(d); }));
    CHECK(heard(d, "RELOADING=1") == 0);
}

TEST_CASE("a stop in the middle of a reload is the last that is said", "[ready]")
{
    const std::string rest = "stop: {kill_after: 100ms}\nrollout: {min_healthy: 0s}\n";
    Daemon d{web_pool(rest, "", "watch: false")};
    d.ready();
    d.write_spec(web_pool(rest + "args: [--hang-in-start]", "", "watch: false"));
    d.signal(SIGHUP);
    REQUIRE(d.notified().hears("RELOADING=1"));
    REQUIRE(eventually([&] { return d.rows("api").size() == 2; }));
    CHECK(d.stop().exit == 0);
    CHECK(d.notified().hears("STOPPING=1"));
    CHECK(heard(d, "READY=1") == 1);
}

TEST_CASE("it asks for more time while it starts and while it reloads", "[ready]")
{
    Daemon d{
        web_pool("args: [--start-ms, \"1500\"]\nrollout: {min_healthy: 0s}", "", "watch: false")};
    CHECK(d.notified().hears(more_time));
    CHECK_FALSE(says_ready(d));
    d.ready();
    d.write_spec(
        web_pool("args: [--start-ms, \"2500\"]\nrollout: {min_healthy: 0s}", "", "watch: false"));
    d.signal(SIGHUP);
    REQUIRE(d.notified().hears("RELOADING=1"));
    const long before = heard(d, more_time);
    CHECK(eventually([&] { return heard(d, more_time) > before; }));
    CHECK(heard(d, "READY=1") == 1);
    CHECK(eventually([&] { return heard(d, "READY=1") == 2; }));
}

TEST_CASE("it asks for no more time for a start that is hopeless", "[ready]")
{
    Daemon d{failed_and_slow("")};
    REQUIRE(eventually([&] { return d.up() && d.row("broken").state == "failed"; }));
    const long before = heard(d, more_time);
    CHECK(throughout(2500ms, [&] { return heard(d, more_time) <= before + 1; }));
}
