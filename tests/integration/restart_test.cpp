// SPDX-License-Identifier: MIT
// Who is started again, when, and until when.
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

// A worker that a request ends: /exit/N, /crash.
std::string mortal(const std::string& restart)
{
    return web_pool("restart: " + restart);
}

void end_worker(Daemon& d, const std::string& path)
{
    const pid_t pid = d.row("api").pid.value();
    (void)get(d.at("web"), path);
    REQUIRE(eventually([&] { return !alive(pid); }));
}

bool comes_back(Daemon& d)
{
    return eventually([&] { return d.all_ready("api", 1) && d.row("api").restarts == 1; });
}

bool stays_away(Daemon& d)
{
    return eventually([&] { return d.row("api").state == "stopped"; });
}

} // namespace

TEST_CASE("always: whatever ended it, it is started again, at once", "[restart]")
{
    Daemon d{mortal("{policy: always}")};
    d.ready();
    end_worker(d, "/exit/0");
    CHECK(comes_back(d));
    const auto exit = d.row("api").last_exit;
    CHECK(exit.at("code").as_int64() == 0);
    CHECK(exit.at("signal").is_null());
    CHECK_FALSE(exit.at("voluntary").as_bool());
}

TEST_CASE("on-failure: not after success", "[restart]")
{
    Daemon d{mortal("{policy: on-failure}")};
    d.ready();
    end_worker(d, "/exit/0");
    CHECK(stays_away(d));
    CHECK_FALSE(d.row("api").pid);
}

TEST_CASE("on-failure: after an error and after a signal", "[restart]")
{
    Daemon d{mortal("{policy: on-failure}")};
    d.ready();
    end_worker(d, "/exit/1");
    CHECK(comes_back(d));
    ::kill(d.row("api").pid.value(), SIGKILL);
    CHECK(eventually([&] { return d.all_ready("api", 1) && d.row("api").restarts == 2; }));
    CHECK(d.row("api").last_exit.at("signal").as_string() == "SIGKILL");
}

TEST_CASE("on-abnormal: after a signal, not after an error", "[restart]")
{
    Daemon d{mortal("{policy: on-abnormal}")};
    d.ready();
    end_worker(d, "/crash");
    CHECK(comes_back(d));
    end_worker(d, "/exit/1");
    CHECK(stays_away(d));
}

TEST_CASE("never: whatever ended it, it stays away", "[restart]")
{
    Daemon d{mortal("{policy: never}")};
    d.ready();
    end_worker(d, "/crash");
    CHECK(stays_away(d));
}

TEST_CASE("other codes can mean success, or that it is to stay down", "[restart]")
{
    Daemon d{mortal("{policy: on-failure, success_codes: [0, 7]}")};
    d.ready();
    end_worker(d, "/exit/7");
    CHECK(stays_away(d));

    Daemon other{mortal("{policy: always, stay_down_codes: [9]}")};
    other.ready();
    end_worker(other, "/exit/9");
    CHECK(stays_away(other));
}

TEST_CASE("a worker that leaves of its own will is not started again", "[restart]")
{
    Daemon d{mortal("{policy: always}")};
    d.ready();
    CHECK(get(d.at("web"), "/leave").whole);
    CHECK(stays_away(d));
    CHECK(d.row("api").last_exit.at("voluntary").as_bool());
}

TEST_CASE("a worker that closes its channel and lives on is ended, and that is what is said",
          "[restart]")
{
    Daemon d{
        "pools:\n  job:\n    exec: /bin/sh\n"
        "    args: [-c, 'eval \"exec $$OSTLER_CHANNEL_FD>&-\"; exec sleep 600']\n"
        "    ready: {when: spawned}\n    stop: {drain: 100ms}\n    restart: {policy: never}\n"};
    REQUIRE(eventually([&] { return d.up() && d.row("job").state == "stopped"; }));
    CHECK(d.row("job").last_exit.at("text").as_string() ==
          "closed its channel and was ended (killed by SIGTERM)");
    CHECK(d.logs("worker job/0 closed its channel and was ended (killed by SIGTERM)"));
}

TEST_CASE("backoff grows from try to try, and status says when the next one is", "[restart]")
{
    Daemon d{plain_pool("exec: /bin/false\nrestart: {backoff: {initial: 0s, next: 50ms, factor: 4, "
                        "max: 20s, jitter: 0%}}") +
             "  steady: {exec: /bin/sleep, args: [\"600\"], protocol: none}\nready_when: any\n"};
    d.ready();
    double longest = 0;
    REQUIRE(eventually([&] {
        const Row row = d.row("job");
        longest = std::max(longest, row.next_start_in_s.value_or(0));
        return longest > 1;
    }));
    CHECK(longest <= 20);
    CHECK(d.row("job").restarts >= 3);
}

TEST_CASE("a spent budget can make the pool fail", "[restart]")
{
    Daemon d{plain_pool("exec: /bin/false\nrestart: {backoff: {next: 1ms, max: 1ms}, budget: "
                        "{restarts: 3, within: 60s, then: fail}}") +
             "  steady: {exec: /bin/sleep, args: [\"600\"], protocol: none}\nready_when: any\n"};
    d.ready();
    REQUIRE(eventually([&] { return d.row("job").state == "failed"; }));
    CHECK(d.row("job").restarts == 3);
    CHECK(throughout(200ms, [&] { return d.row("job").state == "failed"; }));
    CHECK(d.all_ready("steady", 1));
}

TEST_CASE("a spent budget can end the daemon", "[restart]")
{
    Daemon d{plain_pool("exec: /bin/false\nrestart: {backoff: {next: 1ms, max: 1ms}, budget: "
                        "{restarts: 3, within: 60s, then: exit}}")};
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit == 1);
    CHECK_THAT(d.log(), Contains("job"));
}

TEST_CASE("a spent budget can mean trying slowly", "[restart]")
{
    Daemon d{plain_pool("exec: /bin/false\nrestart: {backoff: {next: 1ms, max: 15s, factor: 1, "
                        "jitter: 0%}, budget: {restarts: 3, within: 60s, then: slow}}") +
             "  steady: {exec: /bin/sleep, args: [\"600\"], protocol: none}\nready_when: any\n"};
    d.ready();
    CHECK(eventually([&] { return d.row("job").next_start_in_s.value_or(0) > 5; }));
    CHECK(d.row("job").state == "backoff");
}

TEST_CASE("a restart asked for by hand is never refused", "[restart]")
{
    const Scratch scratch;
    const std::string broken = scratch / "broken";
    write_file(broken, "");
    Daemon d{web_pool("args: [--exit-if, \"" + broken +
                      "\"]\nrestart: {backoff: {next: 1ms, max: "
                      "1ms}, budget: {restarts: 2, within: 60s, then: fail}}") +
             "  steady: {exec: /bin/sleep, args: [\"600\"], protocol: none}\nready_when: any\n"};
    d.ready();
    REQUIRE(eventually([&] { return d.row("api").state == "failed"; }));
    std::filesystem::remove(broken);
    CHECK(d.must("restart api").exit == 0);
    CHECK(d.all_ready("api", 1));
}

TEST_CASE("a worker in backoff starts at once when asked by hand", "[restart]")
{
    Daemon d{mortal("{backoff: {initial: 60s, next: 60s, max: 60s}}")};
    d.ready();
    end_worker(d, "/crash");
    REQUIRE(eventually([&] { return d.row("api").state == "backoff"; }));
    CHECK(d.row("api").next_start_in_s.value_or(0) > 10);
    CHECK(d.must("restart api").exit == 0);
    CHECK(d.all_ready("api", 1));
}
