// SPDX-License-Identifier: MIT
// The command line: each verb does what it says, and its exit code tells.
#include <boost/json.hpp>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

TEST_CASE("no daemon there is exit 69", "[command]")
{
    const Scratch scratch;
    const Ran ran = run({ostler_program, "--socket", scratch / "none.sock", "status"});
    CHECK(ran.exit == 69);
    CHECK_THAT(ran.err, Contains(scratch / "none.sock"));
}

TEST_CASE("wrong usage is exit 64", "[command]")
{
    CHECK(run({ostler_program, "no-such-verb"}).exit == 64);
    CHECK(run({ostler_program, "scale"}).exit == 64);
    CHECK(run({ostler_program, "status", "--no-such-option"}).exit == 64);
    CHECK(run({ostler_program}).exit == 64);
}

TEST_CASE("version and help are answered", "[command]")
{
    CHECK_THAT(run({ostlerd_program, "--version"}).out, Contains("0.1.0"));
    CHECK_THAT(run({ostler_program, "--version"}).out, Contains("0.1.0"));
    CHECK_THAT(run({ostler_program, "--help"}).out, Contains("status"));
}

TEST_CASE("status is one truthful table, narrow and without colour here", "[command]")
{
    Daemon d{web_pool("workers: 2")};
    d.ready();
    const std::string table = d.must("status").out;
    for (const pid_t pid : d.pids("api"))
        CHECK_THAT(table, Contains(std::to_string(pid)));
    CHECK_THAT(table, Contains("api") && Contains("web") && Contains("ready"));
    CHECK(table.find('\x1b') == std::string::npos);
    std::istringstream lines{table};
    for (std::string line; std::getline(lines, line);)
        CHECK(line.size() <= 110); // bytes: a few are more than one to a column
}

TEST_CASE("status --json is what the manual promises", "[command]")
{
    Daemon d{web_pool("workers: 2")};
    d.ready();
    const auto status = d.status();
    for (const char* key : {"pid", "keeper_pid", "version", "uptime_s", "config", "generation",
                            "ready", "last_reload_error"})
        CHECK(status.at("daemon").as_object().contains(key));
    CHECK(status.at("daemon").at("keeper_pid").to_number<pid_t>() == d.keeper());
    for (const char* key : {"name", "address", "scheduling", "accepted", "pending", "refused"})
        CHECK(status.at("sockets").at(0).as_object().contains(key));
    for (const char* key : {"name", "desired", "ready", "degraded", "workers"})
        CHECK(status.at("pools").at(0).as_object().contains(key));
    for (const char* key :
         {"id", "slot", "pid", "state", "generation", "uptime_s", "restarts", "accepted", "pending",
          "open", "last_exit", "next_start_in_s", "rss_bytes"})
        CHECK(status.at("pools").at(0).at("workers").at(0).as_object().contains(key));
}

TEST_CASE("an unknown pool is named, exit 1", "[command]")
{
    Daemon d{plain_pool()};
    d.ready();
    for (const char* line : {"status wob", "restart wob", "stop wob", "start wob", "scale wob 2"}) {
        const Ran ran = d.cli(line);
        CHECK(ran.exit == 1);
        CHECK_THAT(ran.err, Contains("wob"));
    }
}

TEST_CASE("restart replaces every worker of a pool, one by one", "[command]")
{
    Daemon d{web_pool("workers: 3\nrollout: {min_healthy: 0s}")};
    const auto before = d.ready().pids("api");
    d.must("restart api");
    const auto after = d.pids("api");
    REQUIRE(after.size() == 3);
    for (const pid_t pid : after)
        CHECK(std::count(before.begin(), before.end(), pid) == 0);
}

TEST_CASE("restart of one worker, by id or by slot, leaves the others", "[command]")
{
    Daemon d{web_pool("workers: 3\nrollout: {min_healthy: 0s}")};
    d.ready();
    const auto replaced = [&](const std::string& whom) {
        const auto before = d.pids("api");
        d.must("restart " + whom);
        const auto after = d.pids("api");
        return std::count_if(after.begin(), after.end(), [&](pid_t pid) {
            return std::count(before.begin(), before.end(), pid) == 0;
        });
    };
    CHECK(replaced("api/1") == 1);
    CHECK(replaced(std::to_string(*d.rows("api").front().id)) == 1);
    CHECK(d.rows("api").size() == 3);
}

TEST_CASE("restart of everything leaves stopped what was stopped by hand, and says so", "[command]")
{
    Daemon d{web_pool("rollout: {min_healthy: 0s}") +
             "  extra: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n"};
    const auto before = d.ready().pids("api");
    d.must("stop extra");
    CHECK_THAT(d.must("restart").out, Contains("left stopped: extra"));
    CHECK(d.pids("api") != before);
    CHECK(d.row("extra").state == "stopped");
    d.must("restart extra"); // by its name it is meant
    CHECK(d.all_ready("extra", 1));
}

TEST_CASE("what cannot be printed is a failure, with a sentence", "[command]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"echo hello; exec sleep 600\"]")};
    d.ready();
    REQUIRE(eventually([&] { return !d.must("logs").out.empty(); }));
    const std::string check = "check " + d.spec_path();
    for (const std::string& line : std::initializer_list<std::string>{
             "logs", "logs -f", "events", "events -f --since 0", "status", "status --json",
             "status --watch", "scale job 1", "reload", check, "--help", "--version"}) {
        CAPTURE(line);
        Words argv{"sh", "-c", "exec \"$0\" \"$@\" >/dev/full", ostler_program};
        const Words more = words(line);
        argv.insert(argv.end(), more.begin(), more.end());
        const Ran ran = run(argv, {.env = {{"OSTLER_SOCKET", d.control()}}});
        CHECK(ran.exit == 1);
        CHECK_THAT(ran.err, Contains("cannot write to standard output: No space left on device"));
    }
}

TEST_CASE("following ends with the one who reads", "[command]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"while echo hello; do sleep 0.05; done\"]")};
    d.ready();
    const Ran ran = run({"sh", "-c", "\"$0\" logs -f | head -n 1", ostler_program},
                        {.env = {{"OSTLER_SOCKET", d.control()}}});
    CHECK(ran.exit == 0);
    CHECK_THAT(ran.out, Contains("hello"));
    CHECK(ran.err.empty());
}

TEST_CASE("commands leave a line in the log, and what only looks does so where it is asked for",
          "[command]")
{
    const auto* level = GENERATE("info", "debug");
    Daemon d{
        plain_pool("", std::string{"control: {observe: [nobody]}\nlog: {level: "} + level + "}")};
    d.ready();
    d.must("status");
    d.must("scale job 1");
    (void)run({"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
               ostler_program, "--socket", d.control(), "reload"});
    CHECK(d.logs("control: scale  uid="));
    CHECK(d.logs("control: reload refused  uid="));
    CHECK((d.log().find("control: status") == std::string::npos) == (level == std::string{"info"}));
}

TEST_CASE("scale starts and drains the difference", "[command]")
{
    Daemon d{web_pool("workers: 2")};
    const auto before = d.ready().pids("api");
    d.must("scale api 4");
    CHECK(d.all_ready("api", 4));
    d.must("scale api 1");
    REQUIRE(eventually([&] { return d.all_ready("api", 1); }));
    CHECK(d.pids("api").at(0) == before.at(0));
    CHECK(d.pool("api").at("desired").to_number<unsigned>() == 1);
}

TEST_CASE("scale to nothing and back", "[command]")
{
    Daemon d{web_pool("workers: 2")};
    d.ready();
    d.must("scale api 0");
    CHECK(eventually([&] { return d.pids("api").empty(); }));
    d.must("scale api 2");
    CHECK(d.all_ready("api", 2));
}

TEST_CASE("a second daemon on the same control path says who is there", "[command]")
{
    Daemon d{plain_pool()};
    d.ready();
    const Ran ran = run({ostlerd_program, "--config", d.spec_path(), "--control", d.control()});
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.err, Contains("already running") && Contains(std::to_string(d.keeper())));
    CHECK(d.all_ready("job", 1));
}

TEST_CASE("two daemons run side by side", "[command]")
{
    Daemon one{web_pool("workers: 2")};
    Daemon two{web_pool("workers: 2")};
    one.ready();
    two.ready();
    CHECK(get(one.at("web")).whole);
    CHECK(one.stop().exit == 0);
    CHECK(get(two.at("web")).whole);
    CHECK(two.all_ready("api", 2));
}

TEST_CASE("a control socket left by a killed daemon is taken over", "[command]")
{
    const Scratch scratch;
    const std::string control = scratch / "control.sock";
    Daemon first{plain_pool(), {.control = control, .expected_to_leave_socket = true}};
    first.ready();
    first.signal(SIGKILL);
    REQUIRE(first.ended());
    expect_no_orphans("the killed daemon");
    Daemon second{plain_pool(), {.control = control}};
    second.ready();
}

TEST_CASE("start returns when the daemon is ready, stop when it is gone", "[command]")
{
    become_subreaper();
    const Scratch scratch;
    const std::string control = scratch / "control.sock";
    write_file(scratch / "ostler.yaml", plain_pool());
    const Ran started =
        run({ostler_program, "--socket", control, "start", "--config", scratch / "ostler.yaml"});
    REQUIRE(started.exit == 0);
    const Ran status = run({ostler_program, "--socket", control, "status", "--json"});
    const auto about = boost::json::parse(status.out);
    CHECK(about.at("daemon").at("ready").as_bool());
    CHECK(run({ostler_program, "--socket", control, "start", "--config", scratch / "ostler.yaml"})
              .exit == 1);
    CHECK(run({ostler_program, "--socket", control, "stop"}).exit == 0);
    CHECK_FALSE(alive(about.at("daemon").at("keeper_pid").to_number<pid_t>()));
    expect_no_orphans("ostler start");
}

TEST_CASE("start says why a daemon does not come up", "[command]")
{
    become_subreaper();
    const Scratch scratch;
    write_file(scratch / "ostler.yaml", "pools: {job: {exec: /no/such/program}}\n");
    const Ran ran = run({ostler_program, "--socket", scratch / "control.sock", "start", "--config",
                         scratch / "ostler.yaml"});
    CHECK(ran.exit == 78);
    CHECK_THAT(ran.err, Contains("/no/such/program"));
    expect_no_orphans("ostler start");
}

namespace
{

// `ostler start` of this spec; what it leaves running is stopped.
Ran start_and_stop(const std::string& spec)
{
    become_subreaper();
    const Scratch scratch;
    write_file(scratch / "ostler.yaml", spec);
    const std::string control = scratch / "control.sock";
    Ran ran =
        run({ostler_program, "--socket", control, "start", "--config", scratch / "ostler.yaml"});
    (void)run({ostler_program, "--socket", control, "stop"});
    expect_no_orphans("ostler start");
    // It has heard what it wanted, and nobody waits for more.
    CHECK_THAT(read_file(control + ".log"), !Contains("cannot notify"));
    return ran;
}

const std::string exits_at_once = plain_pool("exec: /bin/sh\nargs: [-c, \"exit 3\"]\n"
                                             "restart: {policy: never}\n");

} // namespace

TEST_CASE("start says at once which pool will not be ready, and why", "[command]")
{
    // It would be ready once it had said hello.
    const std::string online = "protocol: ostler\nready: {when: online}\n";
    const auto* restart =
        GENERATE("policy: never", "budget: {restarts: 1, then: fail}, backoff: {next: 1ms}");
    CAPTURE(restart);
    const Ran ran =
        start_and_stop("pools:\n  job:\n" + indented("exec: /bin/sh\nargs: [-c, \"exit 3\"]\n" +
                                                         online + "restart: {" + restart + "}",
                                                     "    "));
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.err, Contains("pool job") && Contains("exited with code 3"));
}

TEST_CASE("a program that is ready when spawned and exits at once: ready, or which pool failed",
          "[command]")
{
    for (int i = 0; i < 10; ++i) {
        const Ran ran = start_and_stop(exits_at_once);
        CAPTURE(ran.exit, ran.out, ran.err);
        if (ran.exit == 0)
            CHECK_THAT(ran.out, Contains("is ready"));
        else
            CHECK_THAT(ran.err, Contains("pool job") && Contains("exited with code 3"));
    }
}

TEST_CASE("start tells what hinders it while it tries again, and when time is up", "[command]")
{
    become_subreaper();
    const Scratch scratch;
    write_file(scratch / "ostler.yaml",
               "pools: {job: {exec: /bin/sh, args: [-c, \"exit 3\"], ready: {when: online}}}\n");
    const Words ostler{ostler_program, "--socket", scratch / "control.sock"};
    const auto with = [&](const std::string& line) {
        Words argv = ostler;
        const Words more = words(line);
        argv.insert(argv.end(), more.begin(), more.end());
        return argv;
    };
    const Ran ran = run(with("start --timeout 1500ms --config " + (scratch / "ostler.yaml")));
    CHECK(ran.exit == 2);
    CHECK_THAT(ran.err, Contains("pool job: worker job/0 is down: exited with code 3"));
    CHECK(run(with("stop")).exit == 0);
    expect_no_orphans("ostler start");
}

TEST_CASE("run is a pool without a spec, in the foreground", "[command]")
{
    become_subreaper();
    const Scratch scratch;
    const Endpoint web{"unix:" + (scratch / "web.sock")};
    Child pool{{ostler_program, "run", "-n", "2", "-l", "unix:" + (scratch / "web.sock"),
                "--protocol", "ostler", "--", worker_program},
               {.env = {{"XDG_RUNTIME_DIR", scratch.path()},
                        {"OSTLER_SOCKET", scratch / "control.sock"}}}};
    REQUIRE(eventually([&] { return exists(scratch / "web.sock") && get(web, "/", 1s).whole; }));
    pool.signal(SIGINT);
    const auto end = pool.wait();
    REQUIRE(end);
    CHECK(end->exit == 0);
    expect_no_orphans("ostler run");
}

TEST_CASE("a user without a role is refused, exit 77", "[command]")
{
    Daemon d{plain_pool()};
    d.ready();
    const Ran ran = run({"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
                         ostler_program, "--socket", d.control(), "stop"});
    CHECK(ran.exit == 77);
    CHECK(d.all_ready("job", 1));
}

TEST_CASE("who may observe may look and not touch", "[command]")
{
    Daemon d{plain_pool("", "control: {observe: [nobody]}")};
    d.ready();
    const auto as_nobody = [&](const std::string& verb) {
        return run({"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
                    ostler_program, "--socket", d.control(), verb})
            .exit;
    };
    CHECK(as_nobody("status") == 0);
    CHECK(as_nobody("reload") == 77);
    CHECK(as_nobody("stop") == 77);
}

TEST_CASE("a command that takes longer than --timeout is exit 2, and goes on", "[command]")
{
    Daemon d{web_pool("stop: {drain: 3s}")};
    d.ready();
    HttpClient client{d.at("web")};
    client.ask("/slow/1000");
    REQUIRE(eventually([&] { return d.row("api").accepted == 1 && d.row("api").pending == 0; }));
    CHECK(d.cli("stop api --timeout 100ms").exit == 2);
    CHECK(client.answer().whole);
    CHECK(eventually([&] { return d.row("api").state == "stopped"; }));
}

TEST_CASE("descriptors of who may not send them are closed at once, also of unfinished requests",
          "[command]")
{
    Daemon d{plain_pool("", "control: {observe: [nobody]}")};
    d.ready();
    const pid_t master = d.master();
    const auto before = descriptors_of(master).size();
    const std::string script =
        "import array, json, socket, struct, sys\n"
        "def give(flags, body):\n"
        "    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "    s.connect(sys.argv[1])\n"
        "    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1] * 16))\n"
        "    s.sendmsg([struct.pack('<HHI', 0x100, flags, 5) + body], [rights])\n"
        "    return s\n"
        "kept = [give(1, b'{') for _ in range(8)]\n"
        "whole = give(0, b'{\"verb\": \"setup\", \"pool\": \"job\"}')\n"
        "print(json.loads(whole.recv(65536)[8:])['exit'], flush=True)\n"
        "sys.stdin.read()\n";
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const ostler::os::UniqueFd input{ostler::os::adopt, ends[0]};
    ostler::os::UniqueFd hold{ostler::os::adopt, ends[1]}; // until its end it keeps its connections
    Child client{{"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
                  "/usr/bin/python3", "-c", script, d.control()},
                 {.input = input.get()}};
    REQUIRE(eventually([&] { return client.out() == "77\n"; }));
    // Its nine connections, and nothing that came through them.
    CHECK(eventually([&] { return descriptors_of(master).size() <= before + 9; }));
    hold.reset();
    CHECK(client.wait(patience)->exit == 0);
}
