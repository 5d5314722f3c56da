// SPDX-License-Identifier: MIT
// How workers speak, or do not: libostler, the document alone, socket activation, nothing at all.
#include <boost/json.hpp>
#include <csignal>
#include <set>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string gunicorn_pool = "sockets:\n"
                                  "  web: {listen: \"tcp://127.0.0.1:0\"}\n"
                                  "pools:\n"
                                  "  site:\n"
                                  "    exec: gunicorn\n"
                                  "    args: [\"--chdir\", SCRIPTS, \"wsgi_app:app\"]\n"
                                  "    env: {PYTHONDONTWRITEBYTECODE: \"1\"}\n"
                                  "    protocol: systemd\n"
                                  "    sockets: [web]\n"
                                  "    stop: {drain: 5s}\n";

} // namespace

TEST_CASE("row 13: any executable can be a worker: started, watched, restarted", "[protocols]")
{
    Daemon d{plain_pool("workers: 2")};
    const auto before = d.ready().pids("job");
    ::kill(before.at(0), SIGKILL);
    REQUIRE(eventually([&] {
        const auto now = d.pids("job");
        return d.all_ready("job", 2) && now.at(0) != before.at(0);
    }));
    CHECK(d.pids("job").at(1) == before.at(1));
}

TEST_CASE("gunicorn serves from the master's socket", "[protocols]")
{
    Daemon d{gunicorn_pool};
    d.ready();
    const Endpoint web = d.at("web");
    CHECK(get(web).whole);
    CHECK(d.socket("web").at("scheduling").as_string() == "shared");
}

TEST_CASE("a gunicorn killed with its workers is replaced on the same socket", "[protocols]")
{
    Daemon d{gunicorn_pool};
    d.ready();
    const Endpoint web = d.at("web");
    const pid_t served = get(web).pid;
    ::kill(d.pids("site").at(0), SIGKILL);
    // What its group still was is ended by the keeper, so only the new one can answer.
    CHECK(eventually([&] { return !alive(served); }));
    CHECK(get(web).whole);
}

TEST_CASE("socket activation names the sockets and the process", "[protocols]")
{
    Daemon d{"sockets:\n"
             "  web: {listen: \"tcp://127.0.0.1:0\"}\n"
             "  admin: {listen: \"unix:DIR/admin.sock\"}\n"
             "pools:\n"
             "  site:\n"
             "    exec: /bin/sleep\n"
             "    args: [\"600\"]\n"
             "    protocol: systemd\n"
             "    sockets: [web, admin]\n"};
    const pid_t pid = d.ready().pids("site").at(0);
    const auto env = environment_of(pid);
    CHECK(env.at("LISTEN_FDS") == "2");
    CHECK(env.at("LISTEN_FDNAMES") == "web:admin");
    CHECK(env.at("LISTEN_PID") == std::to_string(pid));
    // The dynamic loader has a library open for a moment.
    CHECK(eventually([&] {
        const auto open = descriptors_of(pid);
        return open.contains(3) && open.contains(4) && !open.contains(5);
    }));
}

TEST_CASE("a worker written in plain Python from the document takes hand-overs", "[protocols]")
{
    Daemon d{web_pool("exec: SCRIPTS/plain.py\nworkers: 3", "scheduling: round-robin")};
    d.ready();
    std::set<pid_t> seen;
    for (int i = 0; i < 6; ++i)
        seen.insert(get(d.at("web")).pid);
    CHECK(seen.size() == 3);
    CHECK(d.must("restart api").exit == 0);
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("the same worker accepts from a shared socket", "[protocols]")
{
    Daemon d{web_pool("exec: SCRIPTS/plain.py\nworkers: 2", "scheduling: shared")};
    d.ready();
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("a worker that nobody supervises says so", "[protocols]")
{
    const Ran ran = run({worker_program});
    CHECK(ran.exit == 69);
    CHECK_THAT(ran.err, Contains("not started by ostlerd"));
}

TEST_CASE("auto is round-robin where every pool can take hand-overs, else shared", "[protocols]")
{
    Daemon d{"sockets:\n"
             "  one: {listen: \"tcp://127.0.0.1:0\"}\n"
             "  two: {listen: \"tcp://127.0.0.1:0\"}\n"
             "pools:\n"
             "  api: {exec: WORKER, sockets: [one, two]}\n"
             "  site: {exec: /bin/sleep, args: [\"600\"], protocol: systemd, sockets: [two]}\n"};
    d.ready();
    CHECK(d.socket("one").at("scheduling").as_string() == "round-robin");
    CHECK(d.socket("two").at("scheduling").as_string() == "shared");
}

TEST_CASE("a worker that talks nonsense on its channel is replaced, and only it", "[protocols]")
{
    const Scratch scratch;
    // Nonsense once, then a plain sleep: the channel closes either way.
    Daemon d{web_pool("workers: 2") +
             "  liar:\n"
             "    exec: /usr/bin/python3\n"
             "    args: [-c, \"import os,socket,time; "
             "s=socket.socket(fileno=int(os.environ['OSTLER_CHANNEL_FD'])); "
             "[s.send(os.urandom(200)) for _ in range(50)]; time.sleep(600)\"]\n"
             "    ready: {when: online, timeout: 2s}\n"
             "    stop: {kill_after: 100ms}\n"
             "ready_when: any\n"};
    d.ready();
    REQUIRE(eventually([&] { return d.row("liar").restarts > 0; }));
    CHECK(get(d.at("web")).whole);
    CHECK(d.all_ready("api", 2));
    for (const Row& row : d.rows("api"))
        CHECK(row.restarts == 0);
}
