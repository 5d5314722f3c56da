// SPDX-License-Identifier: MIT
// What happens to workers is told in order, and single workers can be forked, disconnected and
// signalled.
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

using Events = std::vector<boost::json::object>;

Events events_of(Daemon& d, const std::string& target = "")
{
    Events events;
    const auto ran = d.must("events " + target + " --json");
    std::size_t at = 0;
    while (at < ran.out.size()) {
        const auto end = ran.out.find('\n', at);
        events.push_back(boost::json::parse(ran.out.substr(at, end - at)).as_object());
        at = end + 1;
    }
    return events;
}

std::string kinds_of(const Events& events)
{
    std::string kinds;
    for (const auto& event : events)
        kinds += (kinds.empty() ? "" : " ") + std::string{event.at("event").as_string()};
    return kinds;
}

const std::string one_worker = web_pool("workers: 1", "scheduling: round-robin");

} // namespace

TEST_CASE("row 14, 19, 20: a life in events, in order", "[events]")
{
    Daemon d{one_worker};
    d.ready();
    CHECK(d.must("disconnect 1").exit == 0);
    REQUIRE(eventually([&] { return kinds_of(events_of(d, "1")).ends_with("exit"); }));
    const Events life = events_of(d, "1");
    CHECK(kinds_of(life) == "fork online listening disconnect exit");
    CHECK(life[1].at("pid").is_int64());
    CHECK(life[3].at("exited_after_disconnect") == true);
    CHECK(life[4].at("code") == 0);
    CHECK(life[4].at("signal").is_null());
    CHECK(life[4].at("exited_after_disconnect") == true);
    for (std::size_t i = 1; i < life.size(); ++i)
        CHECK(life[i].at("number").as_int64() > life[i - 1].at("number").as_int64());
}

TEST_CASE("row 12, 22: a worker that was disconnected finishes, and is not started again",
          "[events]")
{
    Daemon d{web_pool("workers: 2", "scheduling: round-robin")};
    d.ready();
    CHECK(d.must("disconnect api/0").exit == 0);
    REQUIRE(eventually([&] { return d.row("api").state == "stopped"; }));
    for (int i = 0; i < 4; ++i)
        CHECK(get(d.at("web")).whole); // row 25
    CHECK(d.cli("disconnect api/0").exit == 1);
    CHECK(d.must("start api").exit == 0); // by hand it is
    CHECK(d.all_ready("api", 2));
}

TEST_CASE("row 16, 28: a killed worker's exit names the signal, and was not asked for", "[events]")
{
    Daemon d{one_worker};
    d.ready();
    CHECK(d.must("kill api/0 KILL").exit == 0);
    REQUIRE(eventually([&] { return kinds_of(events_of(d, "1")).ends_with("exit"); }));
    const Events life = events_of(d, "1");
    CHECK(kinds_of(life) == "fork online listening disconnect exit");
    CHECK(life[4].at("code").is_null());
    CHECK(life[4].at("signal") == "SIGKILL");
    CHECK(life[4].at("exited_after_disconnect") == false);
    CHECK(eventually([&] { return d.all_ready("api", 1); })); // the policy decides: again
}

TEST_CASE("row 41: a forked worker is beyond the count, has its environment, and is not restarted",
          "[events]")
{
    Daemon d{"pools:\n  jobs: {exec: /bin/sleep, args: [\"600\"], protocol: none, workers: 1, env: "
             "{COLOUR: red}}\n"};
    d.ready();
    const auto forked = d.must("fork jobs -e COLOUR=blue -e SIZE=9 --json");
    const auto answer = boost::json::parse(forked.out).as_object();
    const auto pid = static_cast<pid_t>(answer.at("pid").as_int64());
    CHECK(answer.at("worker") == 2);
    CHECK(environment_of(pid).at("COLOUR") == "blue");
    CHECK(environment_of(pid).at("SIZE") == "9");
    CHECK(d.status().at("pools").at(0).at("desired") == 1);
    CHECK(d.status().at("pools").at(0).at("ready") == 1);
    ::kill(pid, SIGKILL);
    REQUIRE(eventually([&] { return kinds_of(events_of(d, "2")).ends_with("exit"); }));
    CHECK(d.status().at("pools").at(0).at("workers").as_array().size() == 1);
    CHECK(environment_of(d.pids("jobs").at(0)).at("COLOUR") == "red");
}

TEST_CASE("row 15: a worker that cannot be started is an error and an exit", "[events]")
{
    Daemon d{"pools:\n  jobs: {exec: /bin/sleep, args: [\"600\"], protocol: none, workers: 0, cwd: "
             "DIR/there}\n",
             {.through = {"sh", "-c", "mkdir there; exec \"$@\"", "-"}}};
    d.ready();
    std::filesystem::remove(d / "there");
    const Ran forked = d.cli("fork jobs");
    CHECK(eventually([&] { return kinds_of(events_of(d, "jobs")) == "fork error exit"; }));
    CHECK_THAT(d.must("events").out, Contains("No such file or directory"));
}

TEST_CASE("what is asked of a worker that is not there is refused with a sentence", "[events]")
{
    Daemon d{one_worker};
    d.ready();
    CHECK_THAT(d.cli("kill 99").err, Contains("there is no worker \"99\""));
    CHECK_THAT(d.cli("disconnect api").err, Contains("is a pool"));
    CHECK_THAT(d.cli("kill 1 SIGFOO").err, Contains("there is no signal"));
    CHECK(d.cli("kill 1 SIGFOO").exit == 64);
    CHECK_THAT(d.cli("fork nope").err, Contains("there is no pool"));
    CHECK(d.cli("fork api -e novalue").exit == 64);
    CHECK(d.cli("events --since x").exit == 64);
    CHECK_THAT(d.cli("events --since 999999").err, Contains("started anew"));
}
