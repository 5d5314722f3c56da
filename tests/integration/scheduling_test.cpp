// SPDX-License-Identifier: MIT
// Who gets the next connection, and what becomes of those nobody took.
#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <iomanip>
#include <set>
#include <sstream>
#include <utility>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string rotating = "scheduling: round-robin";

double largest_to_smallest(const std::map<std::uint64_t, std::size_t>& shares)
{
    const auto [least, most] = std::minmax_element(
        shares.begin(), shares.end(), [](auto& a, auto& b) { return a.second < b.second; });
    return static_cast<double>(most->second) / static_cast<double>(least->second);
}

// How many sockets listen at this port of 127.0.0.1.
std::size_t listening_at(std::uint16_t port)
{
    std::ostringstream wanted;
    wanted << "0100007F:" << std::hex << std::uppercase << std::setw(4) << std::setfill('0') << port
           << " 00000000:0000 0A";
    std::istringstream rows{read_file("/proc/net/tcp")};
    std::size_t found = 0;
    for (std::string row; std::getline(rows, row);)
        found += row.find(wanted.str()) != std::string::npos ? 1U : 0U;
    return found;
}

// A worker that is stopped for as long as this lives.
class Stopped
{
public:
    explicit Stopped(pid_t pid) : pid_{pid}
    {
        ::kill(pid_, SIGSTOP);
        (void)eventually([&] { return state_of(pid_) == 'T'; });
    }
    ~Stopped() { ::kill(pid_, SIGCONT); }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;

private:
    pid_t pid_;
};

} // namespace

TEST_CASE("row 1: workers serve one port together, which is one socket", "[scheduling]")
{
    Daemon d{web_pool("workers: 3", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    std::set<std::uint64_t> served;
    for (int i = 0; i < 6; ++i)
        served.insert(get(web).worker);
    CHECK(served.size() == 3);
    CHECK(listening_at(web.port()) == 1);
}

TEST_CASE("row 2: round-robin rotates strictly", "[scheduling]")
{
    Daemon d{web_pool("workers: 4", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    std::vector<std::uint64_t> order;
    order.reserve(12);
    for (int i = 0; i < 12; ++i)
        order.push_back(get(web).worker);
    for (std::size_t i = 4; i < order.size(); ++i)
        CHECK(order[i] == order[i - 4]);
    CHECK(std::set<std::uint64_t>(order.begin(), order.end()).size() == 4);
}

TEST_CASE("shares of like workers are within 1 %", "[scheduling]")
{
    Daemon d{web_pool("workers: 8", rotating)};
    d.ready();
    Load load{d.at("web"), {.per_second = 400}};
    REQUIRE(load.flows(800));
    const auto fates = load.finish();
    CHECK(failures(fates).empty());
    const auto shared = shares(fates);
    REQUIRE(shared.size() == 8);
    // Of 100 each, 1 % is one.
    std::size_t most = 0, least = fates.size();
    for (const auto& [worker, share] : shared) {
        most = std::max(most, share);
        least = std::min(least, share);
    }
    CHECK(most - least <= 1 + fates.size() / 8 / 100);
}

TEST_CASE("status counts what each worker got", "[scheduling]")
{
    Daemon d{web_pool("workers: 2", rotating)};
    d.ready();
    for (int i = 0; i < 6; ++i)
        CHECK(get(d.at("web")).whole);
    CHECK(d.row("api", 0).accepted == 3);
    CHECK(d.row("api", 1).accepted == 3);
    CHECK(d.socket("web").at("accepted").to_number<int>() == 6);
}

TEST_CASE("row 3: nobody waits behind a worker that is busy", "[scheduling]")
{
    Daemon d{web_pool("workers: 4", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    HttpClient blocking{web};
    blocking.ask("/block/1500");
    REQUIRE(eventually([&] {
        const auto rows = d.rows("api");
        return std::any_of(rows.begin(), rows.end(),
                           [](const Row& row) { return row.accepted == 1; });
    }));
    Load load{web, {.per_second = 200}};
    REQUIRE(load.flows(100));
    for (const Fate& fate : load.finish()) {
        CHECK(fate.error == 0);
        CHECK(fate.took() < 700ms);
    }
    CHECK(blocking.answer().whole);
}

TEST_CASE("row 50: what a worker does not take is taken back and given to others", "[scheduling]")
{
    Daemon d{web_pool("workers: 2", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    const Stopped stopped{d.pids("api").at(0)};
    Load load{web, {.per_second = 100, .deadline = 10s}};
    REQUIRE(load.flows(100));
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)));
    CHECK(failures(fates).empty());
    CHECK(shares(fates).size() == 1);
}

TEST_CASE("a worker killed with connections in its queue loses none of them", "[scheduling]")
{
    Daemon d{web_pool("workers: 2", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    const auto pids = d.pids("api");
    std::vector<std::unique_ptr<HttpClient>> waiting;
    {
        const Stopped first{pids.at(0)};
        const Stopped second{pids.at(1)}; // nobody has room to take anything back to
        for (int i = 0; i < 6; ++i) {
            waiting.push_back(std::make_unique<HttpClient>(web));
            waiting.back()->ask();
        }
        REQUIRE(eventually([&] { return d.row("api", 0).pending + d.row("api", 1).pending == 6; }));
        ::kill(pids.at(0), SIGKILL);
        REQUIRE(eventually([&] { return !alive(pids.at(0)); }));
    }
    for (auto& client : waiting)
        CHECK(client->answer().whole);
}

TEST_CASE("with no worker at all connections wait, and are served when one is there",
          "[scheduling]")
{
    Daemon d{web_pool("workers: 1", rotating)};
    d.ready();
    d.must("scale api 0");
    std::vector<std::unique_ptr<HttpClient>> waiting;
    for (int i = 0; i < 10; ++i) {
        waiting.push_back(std::make_unique<HttpClient>(d.at("web")));
        waiting.back()->ask();
    }
    CHECK(throughout(200ms, [&] { return d.socket("web").at("accepted").to_number<int>() == 0; }));
    d.must("scale api 1");
    for (auto& client : waiting)
        CHECK(client->answer().whole);
}

TEST_CASE("with all workers full, connections wait in the backlog", "[scheduling]")
{
    Daemon d{web_pool("workers: 1", rotating)};
    d.ready();
    const Endpoint web = d.at("web");
    std::vector<std::unique_ptr<HttpClient>> waiting;
    {
        const Stopped stopped{d.pids("api").at(0)};
        for (int i = 0; i < 30; ++i) {
            waiting.push_back(std::make_unique<HttpClient>(web));
            waiting.back()->ask();
        }
        REQUIRE(eventually([&] { return d.row("api").pending >= 4; }));
        CHECK(eventually([&] { return d.socket("web").at("pending").to_number<int>() > 20; }));
        CHECK(d.row("api").pending <= 6);
    }
    for (auto& client : waiting)
        CHECK(client->answer().whole);
}

TEST_CASE("overflow: shed resets what nobody has room for, and counts it", "[scheduling]")
{
    Daemon d{web_pool("workers: 1", rotating + "\noverflow: shed")};
    d.ready();
    const Endpoint web = d.at("web");
    const Stopped stopped{d.pids("api").at(0)};
    const auto refused_one = [&] {
        HttpClient client{web, 300ms};
        client.ask();
        (void)client.answer();
        return client.error() == ECONNRESET || client.error() == EPIPE;
    };
    CHECK(eventually(refused_one));
    CHECK(d.socket("web").at("refused").to_number<int>() > 0);
}

TEST_CASE("idle and full, the master uses no CPU", "[scheduling]")
{
    Daemon d{web_pool("workers: 1", rotating)};
    d.ready();
    const pid_t master = d.master();
    const Stopped stopped{d.pids("api").at(0)};
    std::vector<std::unique_ptr<HttpClient>> waiting;
    for (int i = 0; i < 20; ++i) {
        waiting.push_back(std::make_unique<HttpClient>(d.at("web")));
        waiting.back()->ask();
    }
    REQUIRE(eventually([&] { return d.row("api").pending >= 4; }));
    const auto before = cpu_microseconds(master);
    CHECK_FALSE(eventually(600ms, [&] { return cpu_microseconds(master) - before > 200'000; }));
}

TEST_CASE("a worker that scribbles into its page harms only itself", "[scheduling]")
{
    Daemon d{web_pool("workers: 4\nargs: [--scribble-page, --only-slot, \"0\"]", rotating)};
    d.ready();
    Load load{d.at("web"), {.per_second = 400}};
    REQUIRE(load.flows(1200));
    const auto fates = load.finish();
    CHECK(failures(fates).empty());
    auto others = shares(fates);
    others.erase(*d.row("api", 0).id);
    REQUIRE(others.size() == 3);
    CHECK(largest_to_smallest(others) <= 1.01 + 1.0 / 300);
    CHECK_THAT(d.must("logs api").out, !Contains("shrunk"));
    CHECK(d.row("api", 0).restarts == 0);
}

TEST_CASE("out of descriptors, the master waits for one, counts it and goes on", "[scheduling]")
{
    Daemon d{web_pool("workers: 1", rotating), {.through = {"prlimit", "--nofile=100:100"}}};
    d.ready();
    const Endpoint web = d.at("web");
    std::vector<std::unique_ptr<HttpClient>> held;
    for (int i = 0; i < 150; ++i) { // more than there is room for, anywhere
        held.push_back(std::make_unique<HttpClient>(web));
        held.back()->ask("/slow/300");
    }
    for (auto& client : held)
        CHECK(client->answer().whole);
    CHECK(d.row("api").restarts == 0);
}

TEST_CASE("row 5: OSTLER_SCHED_POLICY decides at the start of the daemon", "[scheduling]")
{
    for (const auto& [policy, scheduling] :
         {std::pair{"none", "shared"}, std::pair{"rr", "round-robin"}}) {
        Daemon d{web_pool("workers: 1"), {.env = {{"OSTLER_SCHED_POLICY", policy}}}};
        d.ready();
        CHECK(d.socket("web").at("scheduling").as_string() == scheduling);
        CHECK(get(d.at("web")).whole);
    }
}

TEST_CASE("row 4: workers that share a socket need no master to serve", "[scheduling]")
{
    Daemon d{web_pool("workers: 2", "scheduling: shared")};
    d.ready();
    const Endpoint web = d.at("web");
    const Stopped master{d.master()};
    CHECK(get(web).whole);
}
