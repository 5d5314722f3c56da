// SPDX-License-Identifier: MIT
// Ending: drain, signal, kill, in that order; and nothing left.
#include <boost/json.hpp>
#include <csignal>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;

namespace
{

// A request under way at a worker, for so long.
std::unique_ptr<HttpClient> slow_request(Daemon& d, const std::string& path)
{
    auto client = std::make_unique<HttpClient>(d.at("web"));
    client->ask(path);
    REQUIRE(eventually([&] { return d.row("api").accepted == 1 && d.row("api").pending == 0; }));
    return client;
}

} // namespace

TEST_CASE("SIGTERM lets a request that runs finish, then nothing is left", "[stop]")
{
    Daemon d{web_pool()};
    d.ready();
    const auto client = slow_request(d, "/slow/400");
    d.signal(SIGTERM);
    CHECK(client->answer().whole);
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit == 0);
}

TEST_CASE("SIGINT does the same", "[stop]")
{
    Daemon d{web_pool()};
    d.ready();
    d.signal(SIGINT);
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit == 0);
}

TEST_CASE("a second SIGTERM does not wait for what runs", "[stop]")
{
    Daemon d{web_pool("stop: {drain: 60s, kill_after: 500ms}")};
    d.ready();
    const auto client = slow_request(d, "/slow/60000");
    d.signal(SIGTERM);
    REQUIRE(d.notified().hears("STOPPING=1"));
    d.signal(SIGTERM);
    CHECK(d.ended(10s));
}

TEST_CASE("new connections are refused once it stops", "[stop]")
{
    Daemon d{web_pool("stop: {drain: 60s}")};
    d.ready();
    const Endpoint web = d.at("web");
    const auto client = slow_request(d, "/slow/1500");
    d.signal(SIGTERM);
    CHECK(eventually([&] { return HttpClient{web, 1s}.error() == ECONNREFUSED; }));
    CHECK(client->answer().whole);
}

TEST_CASE("a drain that takes too long ends with the signal", "[stop]")
{
    Daemon d{web_pool("stop: {drain: 200ms}")};
    d.ready();
    const auto client = slow_request(d, "/slow/60000");
    const auto begun = Clock::now();
    CHECK(d.stop().exit == 0);
    CHECK(Clock::now() - begun < 8s); // not the kill_after of 10 s
}

TEST_CASE("a worker that ignores drain and signal is killed", "[stop]")
{
    Daemon d{web_pool("args: [--ignore-term, --ignore-drain]\nstop: {drain: 100ms, kill_after: "
                      "200ms}")};
    const pid_t pid = d.ready().pids("api").at(0);
    CHECK(d.stop().exit == 0);
    CHECK_FALSE(alive(pid));
}

TEST_CASE("the signal is the one the spec names", "[stop]")
{
    const Scratch scratch;
    const std::string mark = scratch / "mark";
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"trap 'echo heard > " + mark +
                        "; exit 0' USR1; echo up; while :; do sleep 0.05; done\"]\n"
                        "stop: {signal: SIGUSR1}")};
    d.ready();
    REQUIRE(eventually([&] { return d.cli("logs job").out.find("up") != std::string::npos; }));
    CHECK(d.stop().exit == 0);
    CHECK(read_file(mark) == "heard\n");
}

TEST_CASE("what a worker started in its group ends with it", "[stop]")
{
    Daemon d{web_pool("args: [--spawn-children, \"2\"]")};
    const pid_t worker = d.ready().pids("api").at(0);
    std::vector<pid_t> children;
    REQUIRE(eventually([&] { return (children = children_of(worker)).size() == 2; }));
    ::kill(worker, SIGKILL);
    for (const pid_t child : children)
        CHECK(eventually([&] { return !alive(child); }));
    CHECK(eventually([&] { return d.all_ready("api", 1); }));
}

TEST_CASE("what left the group is ended when the daemon stops", "[stop]")
{
    Daemon d{web_pool("args: [--spawn-children, \"2\", --children-leave-group]")};
    const pid_t worker = d.ready().pids("api").at(0);
    std::vector<pid_t> children;
    REQUIRE(eventually([&] { return (children = children_of(worker)).size() == 2; }));
    CHECK(d.stop().exit == 0);
    for (const pid_t child : children)
        CHECK_FALSE(alive(child));
}

TEST_CASE("stop of the command line answers when nothing is left", "[stop]")
{
    Daemon d{web_pool("workers: 3")};
    const auto pids = d.ready().pids("api");
    CHECK(d.must("stop").exit == 0);
    for (const pid_t pid : pids)
        CHECK_FALSE(alive(pid));
    CHECK(d.ended(1s));
}

TEST_CASE("a second stop waits as the first does, stop --now for nothing that runs", "[stop]")
{
    Daemon d{web_pool("stop: {drain: 60s, kill_after: 500ms}")};
    d.ready();
    const auto client = slow_request(d, "/slow/60000");
    CHECK(d.cli("stop --timeout 100ms").exit == 2);
    const Ran second = d.cli("stop --timeout 200ms");
    CHECK(second.exit == 2);
    CHECK(second.err.find("--now") != std::string::npos);
    CHECK(d.must("stop --now").exit == 0);
    const auto end = d.ended(1s);
    REQUIRE(end);
    CHECK(end->exit == 0);
}

TEST_CASE("stop --now of a pool hurries one that drains, or that is being replaced", "[stop]")
{
    Daemon d{web_pool("stop: {drain: 60s, kill_after: 500ms}\nrollout: {min_healthy: 0s}")};
    d.ready();
    const auto client = slow_request(d, "/slow/60000");
    CHECK(d.cli(GENERATE("stop api --timeout 100ms", "restart api --timeout 100ms")).exit == 2);
    CHECK(d.must("stop api --now").exit == 0);
    CHECK(d.pool("api").at("state").as_string() == "stopped");
    CHECK(d.pids("api").empty());
    CHECK(d.must("start api").exit == 0);
}

TEST_CASE("a stopped pool stays down, a started one serves again", "[stop]")
{
    Daemon d{web_pool("workers: 2") +
             "  steady: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n"};
    const auto pids = d.ready().pids("api");
    CHECK(d.must("stop api").exit == 0);
    for (const pid_t pid : pids)
        CHECK_FALSE(alive(pid));
    CHECK(d.row("api").state == "stopped");
    CHECK(d.all_ready("steady", 1));
    CHECK(d.must("start api").exit == 0);
    CHECK(d.all_ready("api", 2));
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("connections wait while their only pool is stopped", "[stop]")
{
    Daemon d{web_pool()};
    d.ready();
    d.must("stop api");
    HttpClient waiting{d.at("web")};
    waiting.ask();
    d.must("start api");
    CHECK(waiting.answer().whole);
}

TEST_CASE("for stop.delay a daemon that stops serves on, then the drain begins", "[stop]")
{
    Daemon d{web_pool("stop: {delay: 3s}")};
    d.ready();
    const Endpoint web = d.at("web");
    d.signal(SIGTERM);
    REQUIRE(d.notified().hears("STOPPING=1"));
    CHECK(get(web).whole);
    CHECK(d.row("api").state == "ready");
    CHECK(eventually([&] { return HttpClient{web, 1s}.error() == ECONNREFUSED; }));
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit == 0);
}

TEST_CASE("a second SIGTERM does not wait for stop.delay", "[stop]")
{
    Daemon d{web_pool("stop: {delay: 60s}")};
    d.ready();
    d.signal(SIGTERM);
    REQUIRE(d.notified().hears("STOPPING=1"));
    d.signal(SIGTERM);
    CHECK(d.ended(10s));
}

TEST_CASE("a pool that is stopped or restarted does not wait for stop.delay", "[stop]")
{
    Daemon d{web_pool("stop: {delay: 60s}\nrollout: {min_healthy: 0s}")};
    d.ready();
    d.must("restart api");
    d.must("stop api");
    d.signal(SIGTERM);
    REQUIRE(d.notified().hears("STOPPING=1"));
    d.signal(SIGTERM);
    CHECK(d.ended(10s));
}

TEST_CASE("a reload that still reads the spec when it stops starts nothing", "[stop]")
{
    // So much to read that the stop comes first.
    const std::string much = "watch: false\n" + std::string(900'000, '#') + "\n";
    Daemon d{much + web_pool("args: [--ignore-drain]\nstop: {drain: 1s}")};
    d.ready();
    d.write_spec(much + web_pool("args: [--ignore-drain]\nstop: {drain: 1s}") +
                 "  job: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n");
    d.signal(SIGHUP);
    d.signal(SIGTERM);
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit == 0);
    CHECK(d.log().find("job/0") == std::string::npos);
}
