// SPDX-License-Identifier: MIT
// When a worker is ready, when a daemon is, and what becomes of those that never are.
#include <algorithm>
#include <boost/json.hpp>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

bool says_ready(Daemon& d)
{
    const auto& heard = d.notified().heard();
    return std::find(heard.begin(), heard.end(), "READY=1") != heard.end();
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
