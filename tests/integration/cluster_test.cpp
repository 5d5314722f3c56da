// SPDX-License-Identifier: MIT
// A controlling program and its workers, as the pages of Node's cluster have it.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "tests/integration/controlled.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proc.hpp"

using namespace ostler;
using namespace ostler::test;
using Lines = std::vector<std::string>;

namespace
{

const std::string empty_pool = puppet_pools("a:0");

} // namespace

TEST_CASE("row 20: fork is told after fork() has returned, and a timeout can be armed on it",
          "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    std::map<Cluster::WorkerId, Clock::time_point> timeouts;
    cluster.on_fork([&](const Worker& worker) { timeouts[worker.id()] = Clock::now() + patience; });
    cluster.on_listening([&](const Worker& worker, const Cluster::Address& address) {
        CHECK(address.type == Cluster::AddressType::tcp4);
        CHECK(address.port == d.at("a").port());
        CHECK(address.socket == "a");
        CHECK(timeouts.erase(worker.id()) == 1);
        cluster.stop();
    });
    const Diary diary{cluster};
    const Worker worker = cluster.fork();
    CHECK(diary.lines().empty());
    bool own = false;
    worker.on_fork([&](const Worker& who) { // the worker's own handlers are called first
        own = true;
        CHECK(who == worker);
        CHECK(diary.lines().empty());
        CHECK(timeouts.empty());
    });
    cluster.run();
    CHECK(own);
    CHECK(timeouts.empty());
    CHECK(diary.lines() == Lines{"fork 1", "online 1", "listening 1"});
}

TEST_CASE("row 21: setup is told once for each call, and before each fork", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const auto plain = cluster.settings().args.value();
    Lines told;
    cluster.on_setup([&](const Cluster::Settings& settings) {
        told.push_back("setup " + (settings.args->empty() ? "" : settings.args->back()));
    });
    cluster.on_fork([&](const Worker&) { told.emplace_back("fork"); });
    cluster.setup({.args = {{"one"}}});
    cluster.setup({.args = {{"two"}}});
    CHECK(cluster.settings().args == std::vector<std::string>{"two"});
    CHECK(told.empty());
    cluster.fork();
    CHECK(told.empty());
    REQUIRE(cluster.run_until([&] { return told.size() == 4; }, patience));
    CHECK(told == Lines{"setup one", "setup two", "setup two", "fork"});

    Cluster other = join(d);
    other.setup({.back_to_spec = {"args"}});
    REQUIRE(cluster.run_until([&] { return told.size() == 5; }, patience));
    CHECK(told.back() == "setup " + (plain.empty() ? "" : plain.back()));
    CHECK(cluster.settings().args == plain);
}

TEST_CASE("row 43, 44: settings are merged, checked, and for later forks alone", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const auto before = cluster.settings();
    CHECK_FALSE(before.uid);
    CHECK(before.silent == true);
    const Worker first = listening(cluster);
    cluster.setup({.args = {{"a", "b"}}, .cwd = "/", .env = {{{"COLOUR", "red"}}}});
    cluster.setup({.exec_argv = {{"-x"}}, .uid = "nobody", .silent = false});
    const auto now = cluster.settings();
    CHECK(now.exec == before.exec);
    CHECK(now.args == std::vector<std::string>{"a", "b"});
    CHECK(now.uid == "65534");
    CHECK(now.silent == false);
    const Worker second = listening(cluster, {{"SIZE", "9"}});
    const int pid = second.process().pid().value();
    CHECK_THAT(command_line(pid), Catch::EndsWith("puppet -x a b "));
    CHECK(environment_of(pid).at("COLOUR") == "red");
    CHECK(environment_of(pid).at("SIZE") == "9");
    CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd") == "/");
    CHECK_THAT(status_field(pid, "Uid"), Catch::StartsWith("65534"));
    CHECK_THAT(command_line(first.process().pid().value()), Catch::EndsWith("puppet "));
    CHECK(cluster.settings().env == Cluster::Environment{{"COLOUR", "red"}});

    try {
        cluster.setup({.exec = "nothing-like-it", .cwd = "/nowhere"});
        FAIL("mistakes are accepted");
    } catch (const ostler::Error& error) {
        CHECK_THAT(error.what(),
                   Catch::Contains("settings.exec: ") && Catch::Contains("\nsettings.cwd: "));
        CHECK(error.exit() == 64);
    }
    CHECK(cluster.settings().cwd == "/");
    cluster.setup({.back_to_spec = {"exec", "execArgv", "args", "cwd", "env", "uid", "silent"}});
    CHECK(cluster.settings().args == before.args);
    CHECK(cluster.settings().uid == before.uid);
}

TEST_CASE("settings are those of the spec that runs", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    CHECK(cluster.settings().env == Cluster::Environment{});
    d.write_spec(puppet_pools("a:0", "env: {COLOUR: blue}"));
    d.must("reload");
    CHECK(cluster.settings().env == Cluster::Environment{{"COLOUR", "blue"}});
}

TEST_CASE("row 44: stdio is a list, also of descriptors, and each worker has a port", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const os::UniqueFd read{os::adopt, ends[0]};
    const os::UniqueFd write{os::adopt, ends[1]};
    cluster.setup({.exec = "/bin/sh",
                   .args = {{"-c", "echo $OSTLER_PORT_DEBUG >&5; echo out"}},
                   .ports = {{{"debug", 9229}}},
                   .stdio = {{"ignore", write.get(), "inherit", "", "ipc", write.get()}}});
    const auto now = cluster.settings();
    CHECK(now.ports == std::map<std::string, std::uint16_t>{{"debug", 9229}});
    REQUIRE(now.stdio->size() == 6);
    CHECK(now.stdio->at(0).word() == "ignore");
    CHECK(now.stdio->at(1).word() == "descriptor");
    CHECK(now.stdio->at(4).word() == "ipc");
    CHECK(dies(cluster, cluster.fork()));
    char heard[16] = {};
    CHECK(::read(read.get(), heard, sizeof heard) > 0);
    CHECK(std::string{heard}.starts_with("9229\n"));
    CHECK_THROWS_WITH(cluster.setup({.stdio = {{"ignore", 999}}}),
                      Catch::Contains("stdio: descriptor 999 is not open"));
    cluster.setup({.back_to_spec = {"ports", "stdio"}});
    CHECK(cluster.settings().ports->empty());
}

TEST_CASE("row 26: disconnect returns its worker", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.fork();
    CHECK(&worker.disconnect() == &worker);
    CHECK(worker.disconnect().id() == 1);
    CHECK(dies(cluster, worker));
    CHECK(worker.exited_after_disconnect() == true);
}

TEST_CASE(
    "row 27: a worker that is told to finish and does not is killed by the controller's clock",
    "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    Puppet puppet{d, "a"}; // it serves this connection, and is not done
    const Diary diary{cluster};
    worker.send("shutdown");
    worker.disconnect();
    CHECK_FALSE(cluster.run_until([&] { return !worker.is_connected(); }, 100ms));
    CHECK(puppet.next() == "message from=0:0: content=0 size=8 fd=-1 text=shutdown");
    worker.process().kill("SIGKILL");
    CHECK(dies(cluster, worker));
    CHECK(diary.lines() == Lines{"disconnect 1", "exit 1 signal=SIGKILL"});
    CHECK(worker.exited_after_disconnect() == true);
}

TEST_CASE("row 29: ids are unique, count up, and are the index of workers", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker one = cluster.fork(), two = cluster.fork();
    CHECK(one.id() == 1);
    CHECK(two.id() == 2);
    CHECK(cluster.workers() == std::map<Cluster::WorkerId, Worker>{{1, one}, {2, two}});
    one.process().kill("SIGKILL");
    CHECK(dies(cluster, one));
    CHECK(cluster.fork().id() == 3);
    CHECK(cluster.workers().count(1) == 0);
}

TEST_CASE("row 30: a worker is connected from its fork on until its disconnect", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.fork();
    CHECK(worker.is_connected());
    bool told = false;
    worker.on_disconnect([&](const Worker& who) {
        told = true;
        CHECK_FALSE(who.is_connected());
        CHECK(who.exited_after_disconnect() == true);
    });
    REQUIRE(cluster.run_until([&] { return worker.process().pid().has_value(); }, patience));
    CHECK(worker.is_connected());
    CHECK_FALSE(worker.exited_after_disconnect());
    worker.disconnect();
    CHECK(worker.is_connected());
    CHECK(dies(cluster, worker));
    CHECK(told);
}

TEST_CASE("row 31: a worker is dead when its exit is told, and not before", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.fork();
    CHECK_FALSE(worker.is_dead());
    worker.on_disconnect([](const Worker& who) { CHECK_FALSE(who.is_dead()); });
    bool told = false;
    worker.on_exit([&](const Worker& who, const Cluster::Exit& exit) {
        told = true;
        CHECK(who.is_dead());
        CHECK(exit.signal == "SIGKILL");
        CHECK_FALSE(exit.code);
        CHECK(who.exited_after_disconnect() == false);
    });
    worker.process().kill("SIGKILL");
    CHECK(dies(cluster, worker));
    CHECK(told);
}

TEST_CASE("row 32: kill disconnects first, and sends its signal when that is done", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    Puppet puppet{d, "a"};
    const Diary diary{cluster};
    const std::string signal = GENERATE("", "SIGUSR1");
    signal.empty() ? worker.kill() : worker.kill(signal);
    CHECK(puppet.next() == "drain");
    puppet.say("leave"); // ends the channel, and goes on
    CHECK(dies(cluster, worker));
    CHECK(diary.lines() ==
          Lines{"disconnect 1", "exit 1 signal=" + (signal.empty() ? "SIGTERM" : signal)});
    CHECK(worker.exited_after_disconnect() == true);
}

TEST_CASE("row 32: the signal goes at once where the channel has ended already", "[cluster]")
{
    std::string spec = puppet_pools("a:0");
    spec.replace(spec.find("drain: 2s"), 9, "drain: 1h");
    Daemon d{spec};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    Puppet puppet{d, "a"};
    CHECK(puppet.ask("leave") == "0");
    REQUIRE(cluster.run_until([&] { return !worker.is_connected(); }, patience));
    const Diary diary{cluster};
    worker.kill("SIGINT");
    CHECK(dies(cluster, worker));
    CHECK(diary.lines() == Lines{"exit 1 signal=SIGINT"});
}

TEST_CASE("row 34: kill waits for a worker that hangs, a raw signal does not", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    Puppet puppet{d, "a"}; // which is not told to do anything
    worker.kill();
    CHECK_FALSE(cluster.run_until([&] { return worker.is_dead(); }, 200ms));
    CHECK(worker.is_connected());
    worker.process().kill("SIGKILL");
    CHECK(dies(cluster, worker));
}

TEST_CASE("row 38: disconnect may be told long before exit, and a worker that is stuck is seen",
          "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    Puppet puppet{d, "a"};
    const Diary diary{cluster};
    CHECK(puppet.ask("leave") == "0");
    REQUIRE(cluster.run_until([&] { return diary.has("disconnect 1"); }, patience));
    CHECK_FALSE(cluster.run_until([&] { return worker.is_dead(); }, 100ms));
    CHECK(cluster.workers().count(1) == 1);
    puppet.say("exit 3");
    CHECK(dies(cluster, worker));
    CHECK(diary.lines() == Lines{"disconnect 1", "exit 1 code=3"});
    CHECK(worker.exited_after_disconnect() == true);
}

TEST_CASE("row 39: the handler of exit may fork again", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Diary diary{cluster};
    Worker second;
    cluster.on_exit([&](const Worker& worker, const Cluster::Exit&) {
        if (*worker.exited_after_disconnect())
            return;
        second = cluster.fork();
        CHECK(cluster.workers().count(2) == 1);
        CHECK_FALSE(diary.has("fork 2")); // not before this handler has returned
    });
    const Worker first = listening(cluster);
    first.process().kill("SIGKILL");
    REQUIRE(cluster.run_until([&] { return diary.has("listening 2"); }, patience));
    CHECK(second.id() == 2);
    second.disconnect();
    CHECK(dies(cluster, second));
    CHECK(cluster.workers().empty());
}

TEST_CASE("row 40: disconnect of all calls back when the last worker is gone", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    listening(cluster);
    listening(cluster);
    Puppet puppet{d, "a"}; // keeps one of them
    const Diary diary{cluster};
    bool done = false;
    cluster.disconnect([&] {
        done = true;
        CHECK(cluster.workers().empty());
    });
    REQUIRE(cluster.run_until([&] { return cluster.workers().size() == 1; }, patience));
    CHECK_FALSE(cluster.run_until([&] { return done; }, 100ms)); // defect 4 of Node's
    puppet.let_go();
    CHECK(cluster.run_until([&] { return done; }, patience));
    CHECK(diary.has("exit 1 code=0"));
    CHECK(diary.has("exit 2 code=0"));
}

TEST_CASE("row 40: disconnect of all calls back later where there is no worker", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    bool done = false;
    cluster.disconnect([&] { done = true; });
    CHECK_FALSE(done);
    cluster.dispatch();
    CHECK(done);
}

TEST_CASE("row 41: fork lays its environment over the spec's", "[cluster]")
{
    Daemon d{puppet_pools("a:0", "env: {COLOUR: red, SIZE: \"9\"}")};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster, {{"COLOUR", "blue"}, {"SHAPE", "round"}});
    const auto environment = environment_of(worker.process().pid().value());
    CHECK(environment.at("COLOUR") == "blue");
    CHECK(environment.at("SHAPE") == "round");
    CHECK(environment.at("SIZE") == "9");
}

TEST_CASE("row 42: a process is a worker where the variable of its id is there", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    CHECK(environment_of(worker.process().pid().value()).at("OSTLER_WORKER_ID") == "1");
    CHECK(environment_of(::getpid()).count("OSTLER_WORKER_ID") == 0); // a controller
    CHECK(Puppet{d, "a"}.id() == "1");
}

TEST_CASE("row 46: a worker is gone from workers before the last of its events", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.fork();
    bool at_disconnect = false, at_exit = true;
    cluster.on_disconnect([&](const Worker&) { at_disconnect = cluster.workers().count(1) == 1; });
    worker.on_exit(
        [&](const Worker&, const Cluster::Exit&) { at_exit = cluster.workers().count(1) == 1; });
    worker.disconnect();
    CHECK(cluster.workers().count(1) == 1);
    CHECK(dies(cluster, worker));
    CHECK(at_disconnect);
    CHECK_FALSE(at_exit);
}
