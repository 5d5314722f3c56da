// SPDX-License-Identifier: MIT
// Under a steady load of new connections: kills, reloads and restarts that no client notices, and
// what is left when the daemon itself is killed.
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <set>
#include <sstream>
#include <thread>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;

namespace
{

// What a worker said it took, in the form of tests/workers/taken_log.hpp.
struct Taken {
    std::set<std::uint16_t> ports;
    bool maybe_one_more = false; // killed between taking and saying so

    Taken(const std::string& log, pid_t worker)
    {
        std::istringstream lines{log};
        for (std::string what, rest; lines >> what;) {
            pid_t pid = 0;
            lines >> pid;
            std::getline(lines, rest);
            if (pid != worker)
                continue;
            maybe_one_more = what == "taking";
            if (what == "taken")
                ports.insert(static_cast<std::uint16_t>(std::stoi(rest)));
        }
    }
};

// Of the failed requests, those that no killed worker had taken.
std::vector<Fate> unexplained(std::vector<Fate> failed, const std::string& log,
                              const std::vector<pid_t>& killed)
{
    for (const pid_t worker : killed) {
        const Taken taken{log, worker};
        std::size_t spare = taken.maybe_one_more ? 1 : 0;
        std::erase_if(failed, [&](const Fate& fate) { return taken.ports.contains(fate.port); });
        if (spare != 0 && !failed.empty())
            failed.pop_back();
    }
    return failed;
}

void kill_each_in_turn(Daemon& d, std::vector<pid_t>& killed)
{
    for (unsigned slot = 0; slot < 4; ++slot) {
        const pid_t pid = d.row("api", slot).pid.value();
        ::kill(pid, SIGKILL);
        killed.push_back(pid);
        REQUIRE(eventually([&] {
            const Row row = d.row("api", slot);
            return row.state == "ready" && row.pid != pid;
        }));
    }
}

const std::string eager =
    "restart: {backoff: {initial: 0s, next: 1ms, max: 1ms}, budget: {restarts: "
    "1000, within: 1s}}\n";
const std::string quick = "rollout: {min_healthy: 0s}\n";

} // namespace

TEST_CASE("row 10: every failure after kill -9 is of a connection the killed worker had taken",
          "[survival]")
{
    Daemon d{
        web_pool(eager + "workers: 4\nargs: [--log-taken, DIR/taken]", "scheduling: round-robin")};
    d.ready();
    Load load{d.at("web"), {.per_second = 500, .path = "/slow/5"}};
    REQUIRE(load.flows());
    std::vector<pid_t> killed;
    for (int round = 0; round < 3; ++round)
        kill_each_in_turn(d, killed);
    REQUIRE(load.flows());
    const auto failed = failures(load.finish());
    const auto riddles = unexplained(failed, read_file(d / "taken"), killed);
    CAPTURE(describe(failed), describe(riddles));
    CHECK(riddles.empty());
}

TEST_CASE("ten rolling restarts under load fail no request", "[survival]")
{
    Daemon d{web_pool(quick + "workers: 4", "scheduling: round-robin")};
    d.ready();
    Load load{d.at("web"), {.per_second = 400, .path = "/slow/5"}};
    REQUIRE(load.flows());
    for (int i = 0; i < 10; ++i)
        d.must("restart api");
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
    CHECK(shares(fates).size() >= 40);
}

TEST_CASE("ten reloads that change the program under load fail no request", "[survival]")
{
    const auto version = [](int number) {
        return web_pool(quick + "workers: 4\nenv: {VERSION: \"" + std::to_string(number) + "\"}",
                        "", "watch: false");
    };
    Daemon d{version(0)};
    d.ready();
    Load load{d.at("web"), {.per_second = 400, .path = "/slow/5"}};
    REQUIRE(load.flows());
    for (int i = 1; i <= 10; ++i) {
        d.write_spec(version(i));
        d.must("reload");
    }
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
}

TEST_CASE("rolling restarts of a shared socket fail no request", "[survival]")
{
    Daemon d{web_pool(quick + "workers: 4", "scheduling: shared")};
    d.ready();
    Load load{d.at("web"), {.per_second = 400, .path = "/slow/5"}};
    REQUIRE(load.flows());
    for (int i = 0; i < 3; ++i)
        d.must("restart api");
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
}

TEST_CASE("scaling up and down under load fails no request", "[survival]")
{
    Daemon d{web_pool(quick + "workers: 2", "scheduling: round-robin")};
    d.ready();
    Load load{d.at("web"), {.per_second = 400, .path = "/slow/5"}};
    REQUIRE(load.flows());
    for (const char* workers : {"6", "1", "4", "2"})
        d.must(std::string{"scale api "} + workers);
    REQUIRE(load.flows());
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
}

TEST_CASE("a connection kept alive is answered in its worker until a drain closes it", "[survival]")
{
    Daemon d{web_pool(quick)};
    d.ready();
    HttpClient client{d.at("web")};
    const Answer first = client.get("/", Keep::alive);
    const Answer second = client.get("/", Keep::alive);
    CHECK(first.whole);
    CHECK(first.pid == second.pid);
    Ran ran;
    std::thread command{[&] { ran = d.cli("restart api"); }};
    const bool drained = eventually([&] {
        const auto rows = d.rows("api");
        return std::any_of(rows.begin(), rows.end(),
                           [](const Row& row) { return row.state == "draining"; });
    });
    // The worker may not have heard of it yet; the first answer after it has is the last one here.
    Answer last = client.get("/", Keep::alive);
    for (Answer next = last; (next = client.get("/", Keep::alive)).whole;)
        last = next;
    command.join();
    CHECK(drained);
    CHECK(last.whole);
    CHECK(last.pid == first.pid);
    CHECK(client.closed_by_server());
    CHECK(ran.exit == 0);
}

TEST_CASE("a keeper killed -9 leaves nothing", "[survival]")
{
    Daemon d{web_pool("workers: 3\nargs: [--spawn-children, \"1\"]"),
             {.expected_to_leave_socket = true}};
    const auto pids = d.ready().pids("api");
    const pid_t master = d.master();
    d.signal(SIGKILL);
    CHECK(eventually([&] { return !alive(master); }));
    for (const pid_t pid : pids)
        CHECK(eventually([&] { return !alive(pid); }));
}

TEST_CASE("a master killed -9 takes its workers with it, and the daemon says so and ends",
          "[survival]")
{
    Daemon d{web_pool("workers: 3\nargs: [--spawn-children, \"1\"]"),
             {.expected_to_leave_socket = true}};
    const auto pids = d.ready().pids("api");
    ::kill(d.master(), SIGKILL);
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit != 0);
    for (const pid_t pid : pids)
        CHECK_FALSE(alive(pid));
    CHECK_FALSE(d.log().empty());
}

TEST_CASE("a master that is stopped is found hung and ended", "[survival]")
{
    Daemon d{web_pool("workers: 1"), {.expected_to_leave_socket = true}};
    d.ready();
    ::kill(d.master(), SIGSTOP);
    const auto end = d.ended(20s); // five beats of a second, then SIGABRT and SIGKILL
    REQUIRE(end);
    CHECK(end->exit != 0);
}
