// SPDX-License-Identifier: MIT
// Workers replaced one by one: with a new one first or in place, and what becomes of it when one of
// them does not come up.
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string by_hand = "watch: false";

// Three workers, replaced by these rules.
std::string three(const std::string& rollout, const std::string& more = "")
{
    return web_pool("workers: 3\nrollout: {min_healthy: 0s, " + rollout + "}\n" + more, "",
                    by_hand);
}

// A new program that fails in this slot while DIR/broken is there.
std::string failing_in(unsigned slot)
{
    return "args: [--only-slot, \"" + std::to_string(slot) +
           "\", --exit-if, \"DIR/broken\"]\nrestart: {backoff: {initial: 20s}}\n";
}

std::vector<std::uint64_t> generations(Daemon& d)
{
    std::vector<std::uint64_t> all;
    for (const Row& row : d.rows("api"))
        all.push_back(row.generation);
    return all;
}

bool all_of_generation(Daemon& d, std::uint64_t generation)
{
    return eventually([&] {
        return d.all_ready("api", 3) && generations(d) == std::vector<std::uint64_t>(3, generation);
    });
}

bool degraded(Daemon& d)
{
    return !d.pool("api").at("degraded").is_null();
}

} // namespace

TEST_CASE("a rollout whose second worker fails goes back, and the next one works", "[rollout]")
{
    Daemon d{three("surge: 1")};
    d.ready();
    write_file(d / "broken", "");
    d.write_spec(three("surge: 1", failing_in(0))); // the first goes to slot 3, and then 0 is free
    const Ran ran = d.cli("reload");
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.out + ran.err,
               Contains("worker api/0: exited with code 3") && Contains("went back"));
    CHECK(all_of_generation(d, 1));
    CHECK_FALSE(degraded(d));
    std::filesystem::remove(d / "broken");
    d.must("reload");
    CHECK(all_of_generation(d, 3));
}

TEST_CASE("a worker that fails in a rollout that stops there leaves its place", "[rollout]")
{
    Daemon d{three("surge: 1, on_failure: stop")};
    d.ready();
    write_file(d / "broken", "");
    d.write_spec(three("surge: 1, on_failure: stop", failing_in(0)));
    CHECK(d.cli("reload").exit == 1);
    REQUIRE(eventually([&] { return d.all_ready("api", 3); }));
    CHECK(generations(d) == std::vector<std::uint64_t>{1, 1, 2});
    CHECK(degraded(d));
}

TEST_CASE("with surge 0 workers are replaced in their places, which is no restart", "[rollout]")
{
    Daemon d{three("surge: 0")};
    const auto before = d.ready().pids("api");
    d.write_spec(three("surge: 0", "env: {COLOUR: blue}"));
    d.must("reload");
    CHECK(all_of_generation(d, 2));
    for (unsigned slot = 0; slot < 3; ++slot) {
        const Row row = d.row("api", slot);
        CHECK(row.pid != before.at(slot));
        CHECK(row.restarts == 0);
    }
}

TEST_CASE("with surge 0 a rollout that fails goes back, in its places", "[rollout]")
{
    const unsigned slot = GENERATE(0u, 1u);
    Daemon d{three("surge: 0")};
    d.ready();
    write_file(d / "broken", "");
    d.write_spec(three("surge: 0", failing_in(slot)));
    const Ran ran = d.cli("reload");
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.out + ran.err,
               Contains("worker api/" + std::to_string(slot) + ": exited with code 3"));
    CHECK(all_of_generation(d, 1));
    CHECK_FALSE(degraded(d));
}

TEST_CASE("with surge 0 a rollout can stop where it fails, and a good restart ends that",
          "[rollout]")
{
    Daemon d{three("surge: 0, on_failure: stop")};
    const auto before = d.ready().pids("api");
    write_file(d / "broken", "");
    d.write_spec(three("surge: 0, on_failure: stop", failing_in(1)));
    const Ran ran = d.cli("reload");
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.out + ran.err, Contains("half done"));
    CHECK(d.row("api", 0).generation == 2);
    CHECK(d.row("api", 1).state == "backoff");
    CHECK(d.row("api", 2).pid == before.at(2));
    CHECK(degraded(d));
    std::filesystem::remove(d / "broken");
    d.must("restart api");
    CHECK(all_of_generation(d, 2));
    CHECK_FALSE(degraded(d));
}

// --- What went back has its sockets. ---

namespace
{

void kill_and_await(Daemon& d, const std::string& pool)
{
    const pid_t pid = d.rows(pool).at(0).pid.value();
    ::kill(pid, SIGKILL);
    REQUIRE(eventually(
        [&] { return d.rows(pool).at(0).pid.value_or(pid) != pid && d.all_ready(pool, 1); }));
}

const std::string quick = "rollout: {min_healthy: 0s}\n";
const std::string bad = quick + "args: [--no-such-option]\n";

} // namespace

TEST_CASE("a pool that went back keeps a socket that the new spec drops", "[rollout]")
{
    Daemon d{web_pool(quick, "", by_hand)};
    d.ready();
    const Endpoint web = d.at("web");
    const auto without = [&](const std::string& pool) {
        return by_hand + "\npools:\n  api:\n    exec: WORKER\n    ready: {when: online}\n" +
               indented(pool, "    ");
    };
    d.write_spec(without(bad));
    CHECK(d.cli("reload").exit == 1);
    kill_and_await(d, "api");
    CHECK(d.at("web").port() == web.port());
    CHECK(get(web).whole);

    d.write_spec(without(quick + "args: [--never-listen]"));
    d.must("reload");
    CHECK(eventually([&] { return !HttpClient{web, 1s}.connected(); }));
}

TEST_CASE("a pool that went back keeps the address that the new spec changes", "[rollout]")
{
    Daemon d{web_pool(quick, "", by_hand)};
    d.ready();
    const Endpoint web = d.at("web");
    d.write_spec(web_pool(bad, "listen: \"unix:DIR/web.sock\"", by_hand));
    CHECK(d.cli("reload").exit == 1);
    kill_and_await(d, "api");
    CHECK(get(web).whole);
    CHECK_FALSE(exists(d / "web.sock"));

    d.write_spec(web_pool(quick, "", by_hand));
    CHECK_THAT(d.must("reload").out, Contains("nothing has changed"));
}

TEST_CASE("of two pools on a socket one goes back and one goes on, each with its own", "[rollout]")
{
    const auto both = [](const std::string& api, const std::string& other,
                         const std::string& socket) {
        return web_pool(api, socket, by_hand) + "  other:\n    exec: WORKER\n    sockets: [web]\n" +
               indented(other, "    ");
    };
    const std::string elsewhere = "listen: \"unix:DIR/web.sock\"";
    Daemon d{both(quick, quick, "")};
    d.ready();
    const Endpoint before = d.at("web");
    const Endpoint after{"unix:" + (d / "web.sock")};
    d.write_spec(both(quick, bad, elsewhere));
    CHECK(d.cli("reload").exit == 1);
    kill_and_await(d, "api");
    kill_and_await(d, "other");
    CHECK(get(before).whole);
    CHECK(get(after).whole);

    d.write_spec(both(quick, quick, elsewhere)); // of which nothing differs from what is in force
    CHECK_THAT(d.must("reload").out, Contains("pool other: changed") && !Contains("pool api"));
    kill_and_await(d, "other");
    CHECK(eventually([&] { return !HttpClient{before, 1s}.connected(); }));
    CHECK(get(after).whole);
    CHECK_THAT(d.must("reload").out, Contains("nothing has changed"));
}
