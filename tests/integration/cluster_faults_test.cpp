// SPDX-License-Identifier: MIT
// Controllers that are many, die, are slow or lose their daemon.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <sys/socket.h>

#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/integration/controlled.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proc.hpp"

using namespace ostler;
using namespace ostler::test;
using Catch::Contains;
using Lines = std::vector<std::string>;

namespace
{

const std::string empty_pool = puppet_pools("a:0");

// The exit code of what it throws.
template <typename Use>
int exit_of(Use use)
{
    try {
        use();
    } catch (const Error& error) {
        return error.exit();
    }
    return exit_done;
}

int connected_to(const std::string& path)
{
    const auto address = control::address_of(path).value();
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

} // namespace

TEST_CASE("several controllers hear the same, and one that dies harms nobody", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    std::optional<Cluster> one{join(d)};
    Cluster other = join(d);
    const Diary diary{other};
    const Worker mine = one->fork();
    REQUIRE(other.run_until([&] { return diary.has("listening 1"); }, patience));
    CHECK(diary.lines() == Lines{"fork 1", "online 1", "listening 1"});
    const Worker theirs = other.workers().at(1);
    CHECK(theirs.process().pid() == mine.process().pid());

    mine.send("half said");
    one.reset();
    CHECK(exit_of([&] { mine.disconnect(); }) == exit_usage); // its Cluster is gone
    CHECK(mine.id() == 1);
    CHECK(Puppet{d, "a"}.ask("connected") == "1"); // its worker is not
    CHECK(other.fork().id() == 2);
    theirs.disconnect();
    CHECK(dies(other, theirs));
}

TEST_CASE("a controller that comes later finds the workers that are there", "[cluster]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Cluster cluster = join(d);
    const Diary diary{cluster};
    REQUIRE(cluster.workers().size() == 2);
    CHECK(cluster.workers().at(2).process().pid() == d.row("a", 1).pid);
    CHECK(cluster.workers().at(2).is_connected());
    CHECK(cluster.pool() == "a");
    CHECK(cluster.scheduling_policy() == std::map<std::string, std::string>{{"a", "round-robin"}});
    cluster.workers().at(1).process().kill("SIGKILL"); // the policy starts another
    REQUIRE(cluster.run_until([&] { return diary.has("listening 3"); }, patience));
    CHECK(diary.lines() ==
          Lines{"disconnect 1", "exit 1 signal=SIGKILL", "fork 3", "online 3", "listening 3"});
}

TEST_CASE("a controller that is slow loses messages, is told how many, and goes on", "[cluster]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet puppet{d, "a"};
    Cluster slow = join(d);
    const Diary diary{slow};
    CHECK(eventually([&] {
        return puppet.ask("send confirm size=1000000 to=controllers").starts_with("rc=-105 ");
    }));
    Cluster quick = join(d);
    const Diary of_quick{quick};
    CHECK(puppet.ask("send confirm text=on to=controllers").starts_with("rc=1 "));
    CHECK(quick.run_until([&] { return of_quick.has("message 1 on"); }, patience));

    const auto lost = [&] {
        return !diary.lines().empty() && diary.lines().back().starts_with("error ");
    };
    CHECK(slow.run_until(
        [&] {
            puppet.ask("send text=again to=controllers");
            return lost() || diary.has("message 1 again");
        },
        patience));
    CHECK(slow.run_until([&] { return diary.has("message 1 again"); }, patience));
    CHECK(std::count_if(diary.lines().begin(), diary.lines().end(), [](const std::string& line) {
              return line.find("messages of workers are lost") != std::string::npos;
          }) > 0);
}

TEST_CASE("a daemon that stops tells the ends of its workers, and then its own", "[cluster]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Cluster cluster = join(d);
    const Diary diary{cluster};
    bool done = false;
    cluster.disconnect([&] { done = true; });
    d.signal(SIGTERM);
    CHECK(exit_of([&] { cluster.run(); }) == exit_no_daemon);
    CHECK(done);
    CHECK(diary.has("exit 1 code=0"));
    CHECK(diary.has("exit 2 code=0"));
    CHECK(exit_of([&] { cluster.fork(); }) == exit_no_daemon);
    CHECK(exit_of([&] { cluster.dispatch(); }) == exit_no_daemon);
}

TEST_CASE("a daemon that is killed ends a wait, and what was asked of it", "[cluster]")
{
    Daemon d{empty_pool, {.expected_to_leave_socket = true}};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = listening(cluster);
    d.signal(SIGKILL);
    REQUIRE(d.ended());
    int called = exit_done;
    worker.send("too late", {.callback = [&](const Error* error) {
                    REQUIRE(error != nullptr);
                    called = error->exit();
                }});
    CHECK(exit_of([&] { cluster.run(); }) == exit_no_daemon);
    CHECK(called == exit_no_daemon);
}

TEST_CASE("no daemon, no such pool, or no connection is an error at once", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    CHECK(exit_of([&] { Cluster{"a", {.path = d / "nothing"}}; }) == exit_no_daemon);
    CHECK_THROWS_WITH(join(d, "b"), Contains("there is no pool or worker \"b\""));
    CHECK(exit_of([&] { Cluster{"a", {.descriptor = 0}}; }) == exit_usage);
    ::setenv("OSTLER_CONTROL_FD", "three", 1);
    CHECK_THROWS_WITH(Cluster{"a"}, Contains("OSTLER_CONTROL_FD=three is no number"));
    ::unsetenv("OSTLER_CONTROL_FD");
}

TEST_CASE("a Cluster may be given its connection", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster{"a", {.descriptor = connected_to(d.control())}};
    CHECK(cluster.fork().id() == 1);
}

TEST_CASE("a loop of somebody else's dispatches when the descriptor says so", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    const Diary diary{cluster};
    const auto readable = [&](int milliseconds) {
        pollfd one{cluster.fd(), POLLIN, 0};
        return ::poll(&one, 1, milliseconds) == 1;
    };
    const Worker worker = cluster.fork();
    for (int turns = 0; !diary.has("listening 1") && turns < 100; ++turns) {
        REQUIRE(readable(20'000));
        cluster.dispatch();
    }
    CHECK(diary.has("listening 1"));
    cluster.dispatch();
    CHECK_FALSE(readable(50));
    bool done = false;
    cluster.workers().at(1).process().kill("SIGKILL");
    cluster.disconnect([&] { done = true; });
    for (int turns = 0; !done && turns < 100; ++turns) {
        REQUIRE(readable(20'000));
        cluster.dispatch();
    }
    CHECK(done);
}

TEST_CASE("a handler may ask for more, and may not wait for other handlers", "[cluster]")
{
    Daemon d{empty_pool};
    d.ready();
    Cluster cluster = join(d);
    int nested = exit_done;
    cluster.on_fork([&](const Worker&) {
        nested = exit_of([&] { cluster.dispatch(); });
        static_cast<void>(cluster.scheduling_policy());
        throw std::runtime_error("of the handler");
    });
    const Diary diary{cluster};
    cluster.fork();
    CHECK_THROWS_WITH(cluster.run(), "of the handler");
    CHECK(nested == exit_usage);
    CHECK(cluster.run_until([&] { return diary.has("listening 1"); }, patience));
}

TEST_CASE("a worker that cannot be started is told as an error and an exit", "[cluster]")
{
    Daemon d{"pools:\n  a: {exec: /bin/sleep, args: [\"600\"], protocol: none, workers: 0, cwd: "
             "DIR/there}\n",
             {.through = {"sh", "-c", "mkdir there; exec \"$@\"; exit 1", "sh"}}};
    d.ready();
    std::filesystem::remove(d / "there");
    Cluster cluster = join(d);
    const Diary diary{cluster};
    const Worker worker = cluster.fork();
    CHECK(dies(cluster, worker));
    REQUIRE(diary.lines().size() == 3);
    CHECK(diary.lines()[0] == "fork 1");
    CHECK_THAT(diary.lines()[1], Contains("error 1 ") && Contains("No such file or directory"));
    CHECK_THAT(diary.lines()[2], Contains("exit 1 "));
}
