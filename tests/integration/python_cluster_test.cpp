// SPDX-License-Identifier: MIT
// The primary's side of Node's cluster as a program in Python sees it: the stories are in
// tests/integration/cluster, each a process of its own against a daemon of its own.
#include <filesystem>

#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;

namespace
{

const std::string python = "/usr/bin/python3"; // the system's: no wrapper script may be in between
const std::string stories = source_root + "/tests/integration/cluster/";
const std::string modules = source_root + "/examples/python";

// Workers load the library of this build, which may want a sanitizer's loaded first.
const std::string spec = "sockets: {web: {listen: \"tcp://127.0.0.1:0\"}}\n"
                         "pools:\n"
                         "  api:\n"
                         "    exec: " +
                         python +
                         "\n"
                         "    args: [" +
                         stories +
                         "worker.py]\n"
                         "    workers: 0\n"
                         "    sockets: [web]\n"
                         "    env: {COLOUR: red, PYTHONDONTWRITEBYTECODE: \"1\", PYTHONPATH: " +
                         modules + ", OSTLER_LIBRARY: " + build_root +
                         "/lib/libostler.so, ASAN_OPTIONS: detect_leaks=0, LD_PRELOAD: "
                         "\"" OSTLER_TEST_SANITIZER "\"}\n"
                         "  broken: {exec: /bin/sleep, args: [\"60\"], protocol: none, workers: 0, "
                         "cwd: DIR/there}\n";

void passes(const std::string& script, const std::string& name)
{
    Daemon d{spec, {.through = {"sh", "-c", "mkdir there; exec \"$@\"", "-"}}};
    d.ready();
    Child::Settings how{.env = {{"OSTLER_SOCKET", d.control()},
                                {"PYTHONPATH", modules},
                                {"PYTHONDONTWRITEBYTECODE", "1"},
                                {"THERE", d / "there"}}};
    const Ran story = run({python, stories + script, name}, how, 60s);
    INFO(story.err << "the daemon's log:\n" << d.log());
    CHECK(story.exit == 0);
    CHECK(story.err == "");
}

void row(const std::string& number)
{
    passes("rows.py", number);
}
void client(const std::string& name)
{
    passes("client.py", name);
}

} // namespace

TEST_CASE("row 8 (Python): port 0 is one port for all workers, a second is another", "[cluster]")
{
    row("8");
}
TEST_CASE("row 17 (Python): listening is told for each address", "[cluster]")
{
    row("17");
}
TEST_CASE("row 47 (Python): what cannot be bound is an error of the worker, which lives",
          "[cluster]")
{
    row("47");
}
TEST_CASE("row 20 (Python): fork is told after fork() has returned", "[cluster]")
{
    row("20");
}
TEST_CASE("row 21 (Python): setup is told once for each setup() and fork(), with its settings",
          "[cluster]")
{
    row("21");
}
TEST_CASE("row 26 (Python): disconnect() gives the worker", "[cluster]")
{
    row("26");
}
TEST_CASE("row 27 (Python): a drain that takes too long is cut off", "[cluster]")
{
    row("27");
}
TEST_CASE("row 29 (Python): ids are unique, count up, and are the keys of workers", "[cluster]")
{
    row("29");
}
TEST_CASE("row 30 (Python): connected from fork() until disconnect is told", "[cluster]")
{
    row("30");
}
TEST_CASE("row 31 (Python): dead when its exit is told, and not before", "[cluster]")
{
    row("31");
}
TEST_CASE("row 32 (Python): kill() disconnects first, and sends the signal after", "[cluster]")
{
    row("32");
}
TEST_CASE("row 34 (Python): kill() waits for a worker that hangs, a raw signal does not",
          "[cluster]")
{
    row("34");
}
TEST_CASE("row 38 (Python): exit may come long after disconnect", "[cluster]")
{
    row("38");
}
TEST_CASE("row 39 (Python): another one can be forked when the exit is told", "[cluster]")
{
    row("39");
}
TEST_CASE("row 40 (Python): cluster.disconnect() calls back when all are gone, and never within",
          "[cluster]")
{
    row("40");
}
TEST_CASE("row 41 (Python): fork(env) lays variables over those of the pool", "[cluster]")
{
    row("41");
}
TEST_CASE("row 42 (Python): a program knows whether it is a worker", "[cluster]")
{
    row("42");
}
TEST_CASE("row 43 (Python): setup() is merged, and affects later forks alone", "[cluster]")
{
    row("43");
}
TEST_CASE("row 44 (Python): stdio may hold descriptors, and each worker has a port", "[cluster]")
{
    row("44");
}
TEST_CASE("row 46 (Python): a worker is in workers until before its last event", "[cluster]")
{
    row("46");
}

TEST_CASE("a controller in Python runs in a loop of asyncio", "[cluster]")
{
    client("asyncio_calls_dispatch");
}
TEST_CASE("a controller in Python loses nothing while it waits for an answer", "[cluster]")
{
    client("blocking_calls_lose_nothing");
}
TEST_CASE("a controller in Python may send at once, much, and too late", "[cluster]")
{
    client("sends_long_before_it_is_online");
}
TEST_CASE("a controller in Python sends and gets handles", "[cluster]")
{
    client("handles_go_both_ways");
}
TEST_CASE("a controller in Python is told what is wrong", "[cluster]")
{
    client("what_is_wrong_is_said");
}
TEST_CASE("a controller in Python hears why a worker cannot start", "[cluster]")
{
    client("one_that_cannot_start_is_an_error_and_an_exit");
}
TEST_CASE("a controller in Python finds the workers that were there before it", "[cluster]")
{
    client("workers_that_were_there");
}
TEST_CASE("a controller in Python hears of the setup of another", "[cluster]")
{
    client("setup_of_another_is_told");
}
TEST_CASE("a controller in Python that missed events asks what is so", "[cluster]")
{
    client("after_a_miss_it_asks_again");
}
TEST_CASE("a controller in Python hears online before any message", "[cluster]")
{
    client("messages_wait_for_online");
}
TEST_CASE("a controller in Python hears of the end of its daemon last", "[cluster]")
{
    client("the_end_of_the_daemon_is_raised_last");
}
TEST_CASE("a controller in Python is told why the daemon hung up", "[cluster]")
{
    client("the_daemons_last_word_is_raised");
}
TEST_CASE("a controller in Python that listens to no errors ends by one", "[cluster]")
{
    client("errors_that_nobody_hears_are_raised");
}
TEST_CASE("a controller in Python says what is wrong with its inherited connection", "[cluster]")
{
    client("no_control_connection");
}
TEST_CASE("a controller in Python does not wait for ever", "[cluster]")
{
    client("a_daemon_that_does_not_answer");
}
