// SPDX-License-Identifier: MIT
// A new spec touches only what it changes, and a broken one nothing.
#include <boost/json.hpp>
#include <csignal>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string by_hand = "watch: false";
const std::string quick = "rollout: {min_healthy: 0s}\n";

std::string with_job(const std::string& api, const std::string& job)
{
    return web_pool(quick + api, "", by_hand) +
           "  job:\n    exec: /bin/sleep\n    args: [\"600\"]\n    protocol: none\n" +
           indented(quick + job, "    ");
}

std::uint64_t generation(Daemon& d)
{
    return d.status().at("daemon").at("generation").to_number<std::uint64_t>();
}

} // namespace

TEST_CASE("fewer workers for a stopped pool: applied, and nothing waits for ever", "[reload]")
{
    const std::string other = "  other: {protocol: none, exec: /bin/sleep, args: [\"600\"]}\n";
    Daemon d{plain_pool("workers: 4") + other};
    d.ready();
    d.must("stop job");
    d.write_spec(plain_pool("workers: 3") + other);
    d.must("reload");
    d.must("stop other");
    d.must("start job");
    CHECK(d.all_ready("job", 3));
}

TEST_CASE("a reload of the same spec touches nobody", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto api = d.ready().pids("api"), job = d.pids("job");
    d.must("reload");
    CHECK(d.pids("api") == api);
    CHECK(d.pids("job") == job);
}

TEST_CASE("a pool whose entry is the same keeps its pids while another is replaced", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto api = d.ready().pids("api"), job = d.pids("job");
    const auto port = d.at("web").port();
    d.write_spec(with_job("workers: 2", "env: {COLOUR: blue}"));
    d.must("reload");
    CHECK(d.pids("api") == api);
    CHECK(d.pids("job") != job);
    CHECK(environment_of(d.pids("job").at(0)).at("COLOUR") == "blue");
    CHECK(d.at("web").port() == port);
    CHECK(generation(d) == 2);
    CHECK(d.rows("job").at(0).generation == 2);
    CHECK(d.row("api").generation == 1);
}

TEST_CASE("comments and order are no change", "[reload]")
{
    Daemon d{with_job("workers: 2\nstop: {drain: 5s}", "")};
    const auto api = d.ready().pids("api");
    d.write_spec("# a comment\n" + with_job("stop: {drain: 5s}\n# another\nworkers: 2", ""));
    d.must("reload");
    CHECK(d.pids("api") == api);
}

TEST_CASE("a count that changes starts or drains the difference", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto before = d.ready().pids("api");
    d.write_spec(with_job("workers: 3", ""));
    d.must("reload");
    REQUIRE(d.all_ready("api", 3));
    const auto more = d.pids("api");
    CHECK(std::vector<pid_t>(more.begin(), more.begin() + 2) == before);
    d.write_spec(with_job("workers: 1", ""));
    d.must("reload");
    REQUIRE(eventually([&] { return d.all_ready("api", 1); }));
    CHECK(d.pids("api").at(0) == before.at(0));
}

TEST_CASE("how a pool is supervised changes without a restart", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto before = d.ready().pids("api");
    d.write_spec(with_job("workers: 2\nrestart: {policy: never}", ""));
    d.must("reload");
    CHECK(d.pids("api") == before);
    ::kill(before.at(1), SIGKILL);
    CHECK(eventually([&] { return d.row("api", 1).state == "stopped"; }));
}

TEST_CASE("a pool and a socket can be added and removed", "[reload]")
{
    Daemon d{plain_pool("", by_hand)};
    const auto job = d.ready().pids("job");
    d.write_spec(with_job("", ""));
    d.must("reload");
    CHECK(get(d.at("web")).whole);
    CHECK(d.pids("job") == job);
    const Endpoint web = d.at("web");
    d.write_spec(plain_pool("", by_hand));
    d.must("reload");
    CHECK(d.status().at("pools").as_array().size() == 1);
    CHECK(eventually([&] { return !HttpClient{web, 1s}.connected(); }));
}

TEST_CASE("a broken spec changes nothing and says why, there and in status", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto api = d.ready().pids("api");
    d.write_spec(with_job("workers: many", ""));
    const Ran ran = d.cli("reload");
    CHECK(ran.exit == 78);
    CHECK_THAT(ran.out + ran.err, Contains("pools.api.workers: "));
    CHECK(d.pids("api") == api);
    CHECK(generation(d) == 1);
    const auto error = d.status().at("daemon").at("last_reload_error");
    REQUIRE(error.is_string());
    CHECK_THAT(std::string{error.as_string().c_str()}, Contains("pools.api.workers"));

    d.write_spec(with_job("workers: 2", ""));
    d.must("reload");
    CHECK(d.status().at("daemon").at("last_reload_error").is_null());
}

TEST_CASE("reload --dry-run shows the difference and does nothing", "[reload]")
{
    Daemon d{with_job("workers: 2", "")};
    const auto api = d.ready().pids("api");
    d.write_spec(with_job("workers: 5", ""));
    const Ran ran = d.must("reload --dry-run");
    CHECK_THAT(ran.out, Contains("api") && Contains("5"));
    CHECK(d.pids("api") == api);
    CHECK(generation(d) == 1);
}

TEST_CASE("SIGHUP reloads, and says so to the service manager", "[reload]")
{
    Daemon d{with_job("workers: 1", "")};
    d.ready();
    d.write_spec(with_job("workers: 2", ""));
    d.signal(SIGHUP);
    CHECK(eventually([&] { return d.all_ready("api", 2); }));
    CHECK(d.notified().hears("RELOADING=1"));
}

TEST_CASE("a new worker is ready before the old one goes", "[reload]")
{
    // One worker that takes a while to start: without the overlap requests would have to wait.
    Daemon d{web_pool(quick + "args: [--start-ms, \"300\"]", "", by_hand)};
    d.ready();
    Load load{d.at("web"), {.per_second = 200}};
    REQUIRE(load.flows());
    d.must("restart api");
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
    CHECK(shares(fates).size() == 2);
}

TEST_CASE("a change whose workers do not come up is taken back, and nobody notices", "[reload]")
{
    const std::string before = web_pool(quick + "workers: 2", "", by_hand);
    Daemon d{before};
    d.ready();
    const auto old = d.pids("api");
    Load load{d.at("web"), {.per_second = 200}};
    REQUIRE(load.flows());
    d.write_spec(web_pool("workers: 2\nargs: [--no-such-option]\nrollout: {min_healthy: 0s, "
                          "deadline: 2s}",
                          "", by_hand));
    const Ran ran = d.cli("reload");
    CHECK(ran.exit == 1);
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
    CHECK(d.pids("api") == old);
    CHECK(d.all_ready("api", 2));
}

TEST_CASE("another address is bound anew, the others stay", "[reload]")
{
    Daemon d{with_job("", "")};
    const auto job = d.ready().pids("job");
    const Endpoint before = d.at("web");
    d.write_spec(web_pool(quick, "listen: \"unix:DIR/web.sock\"", by_hand) +
                 "  job:\n    exec: /bin/sleep\n    args: [\"600\"]\n    protocol: none\n" +
                 indented(quick, "    "));
    d.must("reload");
    CHECK(get(Endpoint{"unix:" + (d / "web.sock")}).whole);
    CHECK(eventually([&] { return !HttpClient{before, 1s}.connected(); }));
    CHECK(d.pids("job") == job);
}

TEST_CASE("an address that overlaps the old one is bound beside it", "[reload]")
{
    Daemon d{web_pool("", "listen: \"tcp://0.0.0.0:0\"")};
    d.ready();
    const Endpoint web = d.at("web");
    const std::string port = std::to_string(web.port());
    for (const std::string host : {"127.0.0.1", "[::]", "0.0.0.0"}) {
        d.write_spec(web_pool("", "listen: \"tcp://" + host + ":" + port + "\""));
        d.must("reload");
        CHECK(d.at("web").port() == web.port());
        CHECK(get(web).whole);
    }
    // And nobody can join afterwards.
    CHECK_THROWS(Endpoint{"tcp://127.0.0.1:" + port}.listen());
}

TEST_CASE("options of a socket change without a new worker", "[reload]")
{
    Daemon d{web_pool(quick + "workers: 2", "", by_hand)};
    const auto before = d.ready().pids("api");
    const auto port = d.at("web").port();
    d.write_spec(web_pool(quick + "workers: 2", "backlog: 77\noverflow: shed", by_hand));
    d.must("reload");
    CHECK(d.pids("api") == before);
    CHECK(d.at("web").port() == port);
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("the level of the log changes in place", "[reload]")
{
    Daemon d{plain_pool("", by_hand)};
    d.ready();
    d.write_spec(plain_pool("", by_hand + "\nlog: {level: debug}"));
    CHECK(d.must("reload").exit == 0);
    CHECK(d.all_ready("job", 1));
}
