// SPDX-License-Identifier: MIT
// Saving the spec is enough; a bad edit harms nothing, and what removes something waits.
#include <boost/json.hpp>
#include <filesystem>
#include <unistd.h>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

std::string api(const std::string& lines)
{
    return web_pool(lines);
}

std::string api_and_job(const std::string& lines)
{
    return web_pool(lines) + "  job: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n";
}

std::uint64_t generation(Daemon& d)
{
    return d.status().at("daemon").at("generation").to_number<std::uint64_t>();
}

bool error_shown(Daemon& d)
{
    return d.status().at("daemon").at("last_reload_error").is_string();
}

} // namespace

TEST_CASE("a spec saved in place is applied", "[watch]")
{
    Daemon d{api("workers: 1")};
    const auto before = d.ready().pids("api");
    d.write_spec(api("workers: 2"));
    REQUIRE(eventually([&] { return d.all_ready("api", 2); }));
    CHECK(d.pids("api").at(0) == before.at(0));
}

TEST_CASE("a spec renamed into place is applied, again and again", "[watch]")
{
    Daemon d{api("workers: 1")};
    d.ready();
    for (const unsigned workers : {3u, 2u, 4u}) {
        d.replace_spec(api("workers: " + std::to_string(workers)));
        REQUIRE(eventually([&] { return d.all_ready("api", workers); }));
    }
}

TEST_CASE("a bad edit harms nothing, shows in status, and the next good one is applied", "[watch]")
{
    Daemon d{api("workers: 2")};
    const auto before = d.ready().pids("api");
    d.write_spec(api("workers: many"));
    REQUIRE(eventually([&] { return error_shown(d); }));
    CHECK(d.pids("api") == before);
    CHECK(generation(d) == 1);
    d.write_spec(api("workers: 3"));
    REQUIRE(eventually([&] { return d.all_ready("api", 3); }));
    CHECK_FALSE(error_shown(d));
}

TEST_CASE("a file that was emptied or removed harms nothing", "[watch]")
{
    Daemon d{api("workers: 2")};
    const auto before = d.ready().pids("api");
    d.write_spec("");
    REQUIRE(eventually([&] { return error_shown(d); }));
    CHECK(d.pids("api") == before);
    std::filesystem::remove(d.spec_path());
    CHECK(throughout(200ms, [&] { return d.pids("api") == before; }));
    d.write_spec(api("workers: 3"));
    CHECK(eventually([&] { return d.all_ready("api", 3); }));
}

TEST_CASE("an edit that removes a pool waits for reload, and status says so", "[watch]")
{
    Daemon d{api_and_job("workers: 1")};
    const auto job = d.ready().pids("job");
    d.write_spec(api("workers: 1"));
    const auto waiting = [&] { return d.status().at("daemon").as_object().at("waiting_edit"); };
    REQUIRE(eventually([&] { return waiting().is_string(); }));
    CHECK_THAT(std::string{waiting().as_string()}, Contains("pool job") && Contains("reload"));
    CHECK(d.pids("job") == job);
    d.must("reload");
    CHECK(d.status().at("pools").as_array().size() == 1);
}

TEST_CASE("watch: all applies removals too", "[watch]")
{
    Daemon d{"watch: all\n" + api_and_job("workers: 1")};
    d.ready();
    d.write_spec("watch: all\n" + api("workers: 1"));
    CHECK(eventually([&] { return d.status().at("pools").as_array().size() == 1; }));
}

TEST_CASE("watch: false leaves edits to reload", "[watch]")
{
    Daemon d{"watch: false\n" + api("workers: 1")};
    d.ready();
    d.write_spec("watch: false\n" + api("workers: 2"));
    CHECK(throughout(300ms, [&] { return d.rows("api").size() == 1; }));
    d.must("reload");
    CHECK(d.all_ready("api", 2));
}

TEST_CASE("a changed program is replaced by an edit alone", "[watch]")
{
    Daemon d{api("rollout: {min_healthy: 0s}")};
    const auto before = d.ready().pids("api");
    d.write_spec(api("rollout: {min_healthy: 0s}\nenv: {COLOUR: blue}"));
    REQUIRE(eventually([&] { return generation(d) == 2 && d.all_ready("api", 1); }));
    CHECK(d.pids("api") != before);
}

TEST_CASE("an edit that waits for its turn is judged by what it applies", "[watch]")
{
    const std::string slow = "rollout: {min_healthy: 0s}\nargs: [--start-ms, \"3000\"]\n";
    Daemon d{api_and_job("rollout: {min_healthy: 0s}")};
    const auto job = d.ready().pids("job");
    d.replace_spec(api_and_job(slow)); // takes the turn, and its time
    REQUIRE(eventually([&] { return d.rows("api").size() == 2; }));
    d.replace_spec(api_and_job(slow + "workers: 2")); // removes nothing, and waits
    CHECK(throughout(500ms, [&] { return d.rows("api").size() == 2; }));
    d.replace_spec(api(slow + "workers: 2"));
    REQUIRE(eventually(
        [&] { return d.status().at("daemon").as_object().at("waiting_edit").is_string(); }));
    CHECK(d.must("reload --dry-run").out.find("job") != std::string::npos);
    CHECK(d.pids("job") == job);
    CHECK(generation(d) == 2);
}

TEST_CASE("an edit back to what runs takes back the error, also for the service manager", "[watch]")
{
    Daemon d{api("workers: 1")};
    d.ready();
    d.write_spec(api("workers: many"));
    const auto last_status = [&] {
        std::string last;
        for (const std::string& line : d.notified().heard())
            if (line.rfind("STATUS=", 0) == 0)
                last = line;
        return last;
    };
    REQUIRE(eventually([&] { return last_status().find("failed") != std::string::npos; }));
    CHECK(d.logs("the spec has 1 mistake, nothing was changed"));
    d.write_spec(api("workers: 1"));
    CHECK(eventually([&] { return last_status() == "STATUS=1/1 workers ready"; }));
}
