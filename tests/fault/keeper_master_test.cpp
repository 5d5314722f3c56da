// SPDX-License-Identifier: MIT
// What the keeper does with the master, and how the daemon ends.
#include <csignal>
#include <optional>
#include <sys/prctl.h>

#include "tests/fault/keeper_rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/full_pipe.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;
using namespace ostler::wire::keeper;

namespace
{

bool says(KeeperRig& rig, const std::string& text)
{
    return rig.keeper().err().find(text) != std::string::npos;
}

int exit_code(KeeperRig& rig)
{
    const auto ended = rig.keeper().wait();
    REQUIRE(ended);
    return ended->exit;
}

bool stay_gone(std::initializer_list<pid_t> pids)
{
    for (const pid_t pid : pids)
        if (alive(pid))
            return false;
    return true;
}

// A worker with a grandchild in a session of its own, whose pid it tells.
pid_t run_with_stray(KeeperRig& rig, std::uint64_t worker)
{
    Pipe report, output;
    auto plan = rig.plan("setsid sleep 1000 & echo $!; exec sleep 1000");
    plan.out = {.kind = ostler::wire::plan::OutputKind::descriptor, .path = {}, .index = 0};
    rig.start(worker, plan, report, {output.writer().get()});
    REQUIRE(rig.hear<Started>().pid > 0);
    const pid_t stray = std::stoi(output.read_line());
    REQUIRE(eventually([&] { return ::getsid(stray) == stray; }));
    return stray;
}

} // namespace

TEST_CASE("signals for the daemon reach the master once each")
{
    KeeperRig rig;
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        rig.keeper().signal(number);
        CHECK(rig.master_says() == "signal " + std::to_string(number));
    }
    CHECK(rig.keeper().running());
}

TEST_CASE("a signal that would end the master is not passed on, and SIGQUIT is a graceful stop")
{
    KeeperRig rig;
    for (const int number : {SIGUSR1, SIGUSR2}) {
        rig.keeper().signal(number);
        CHECK(eventually([&] {
            return says(rig, "signal " + std::to_string(number) + " (") && says(rig, "is ignored");
        }));
    }
    rig.keeper().signal(SIGQUIT);
    CHECK(rig.master_says() == "signal " + std::to_string(SIGTERM)); // and of the others nothing
    CHECK(rig.keeper().running());
}

TEST_CASE("a master that says anything at all is not hung, though its beats do not arrive")
{
    KeeperRig rig;
    rig.tell(Beat{});
    CHECK(throughout(7s, [&] {
        rig.tell(Acknowledge{4711});
        return rig.keeper().running();
    }));
    CHECK(rig.keeper().err().empty());
}

TEST_CASE("a master that says much and reads nothing is hung")
{
    KeeperRig rig;
    rig.tell(Beat{});
    std::byte buffer[max_packet_bytes];
    const auto packet = ostler::wire::encode(buffer, Signal{4711, SIGTERM, 0});
    while (rig.try_to_tell(packet)) { // until the answers have filled one way and these the other
    }
    CHECK(exit_code(rig) == 1);
    CHECK(says(rig, "has not answered for five seconds"));
}

TEST_CASE("a keeper whose stderr nobody reads reaps, forwards and ends as ever")
{
    FullPipe log;
    KeeperRig rig{{}, {}, log.writer()};
    rig.keeper().signal(SIGUSR1); // a line, for which there is no room
    rig.keeper().signal(SIGHUP);
    CHECK(rig.master_says() == "signal " + std::to_string(SIGHUP));
    rig.run(1, "exit 3");
    CHECK(rig.hear<Exited>().status == 3);
    rig.tell(Beat{});
    rig.order("ignore " + std::to_string(SIGABRT));
    CHECK(exit_code(rig) == 1); // a hung master is ended all the same
}

TEST_CASE("the keeper marks its lines for the journal only where stderr is the journal")
{
    for (const std::string& stream : {std::string{"1:1"}, std::string{}}) {
        KeeperRig rig{{{"JOURNAL_STREAM", stream}}};
        rig.keeper().signal(SIGUSR2);
        CHECK(eventually([&] { return says(rig, "is ignored\n"); }));
        CHECK(rig.keeper().err().rfind("ostlerd: ", 0) == 0);
    }
    Pipe journal;
    KeeperRig rig{{{"JOURNAL_STREAM", stream_of(journal.writer())}}, {}, journal.writer()};
    rig.keeper().signal(SIGUSR2);
    CHECK(journal.read_line().rfind("<3>ostlerd: ", 0) == 0);
}

TEST_CASE("the master gets the arguments, and of descriptors the channel alone")
{
    KeeperRig rig{{}, {"--config", "x y"}};
    CHECK(command_line(rig.master()) ==
          keeper_tree + "/bin/../libexec/ostler/master --config x y ");
    auto held = descriptors_of(rig.master());
    REQUIRE(held.contains(channel_fd));
    CHECK(held[channel_fd].rfind("socket:", 0) == 0);
    CHECK(held.size() == 6); // 0 to 3, and the fake master's own two
}

TEST_CASE("'end' ends the daemon with its code, and nothing of the workers' trees is left")
{
    KeeperRig rig;
    const pid_t stray = run_with_stray(rig, 1);
    const pid_t worker = rig.run(2, "trap '' TERM; sleep 1000; sleep 1000");
    rig.tell(Beat{});
    rig.tell(End{42});
    rig.order("exit 0");
    CHECK(exit_code(rig) == 42);
    CHECK(stay_gone({stray, worker}));
    CHECK(rig.keeper().err().empty());
}

TEST_CASE("a whole tree of strays is swept, however deep")
{
    KeeperRig rig;
    Pipe report, output;
    auto plan = rig.plan("setsid sh -c 'setsid sh -c \"setsid sleep 1000 & echo up; sleep 1000\" & "
                         "sleep 1000' & sleep 1000");
    plan.out = {.kind = ostler::wire::plan::OutputKind::descriptor, .path = {}, .index = 0};
    rig.start(1, plan, report, {output.writer().get()});
    REQUIRE(rig.hear<Started>().pid > 0);
    REQUIRE(output.read_line() == "up");
    rig.tell(End{0});
    rig.order("exit 0");
    CHECK(exit_code(rig) == 0);
    CHECK(children_of(::getpid()).empty()); // we would have inherited them
}

TEST_CASE("a master that has said 'end' and stays is killed after five seconds")
{
    KeeperRig rig;
    rig.tell(End{0});
    CHECK(exit_code(rig) == 0);
    CHECK(says(rig, "wanted to end and has not"));
}

TEST_CASE("a master that is killed takes its workers with it, and the daemon says so")
{
    KeeperRig rig;
    rig.tell(Beat{});
    const pid_t stray = run_with_stray(rig, 1);
    const pid_t worker = rig.run(2, "exec sleep 1000");
    ::kill(rig.master(), SIGKILL);
    CHECK(exit_code(rig) == 1);
    CHECK(stay_gone({stray, worker}));
    CHECK(rig.keeper().err() ==
          "ostlerd: the master (pid " + std::to_string(rig.master()) +
              ") was killed by signal 9 (Killed) and takes its workers with it\n");
}

TEST_CASE("what a master exits with is the daemon's code only where it means something")
{
    struct Case {
        bool beaten;
        int master, daemon;
    };
    for (const Case& one : {Case{false, 0, 0}, Case{false, 3, 3}, Case{false, 78, 78},
                            Case{true, 78, 78}, Case{true, 0, 1}, Case{true, 3, 1}}) {
        KeeperRig rig;
        if (one.beaten)
            rig.tell(Beat{});
        rig.run(1, "exec sleep 1000"); // the beat was read before
        rig.order("exit " + std::to_string(one.master));
        INFO("beaten " << one.beaten << ", exit " << one.master);
        CHECK(exit_code(rig) == one.daemon);
        CHECK(says(rig, "exited with code") == one.beaten);
    }
}

TEST_CASE("a master that is killed before it was ready passes the signal on as a code")
{
    KeeperRig rig;
    ::kill(rig.master(), SIGKILL);
    CHECK(exit_code(rig) == 128 + SIGKILL);
    CHECK(says(rig, "was killed by signal 9 (Killed) before it was ready"));
}

TEST_CASE("a run of the master that only prints ends with its code and no word of the keeper")
{
    const Ran ran = run({keeper_tree + "/bin/ostlerd", "--exit", "5"});
    CHECK(ran.exit == 5);
    CHECK(ran.err.empty());
}

TEST_CASE("a keeper without its other programs says which it misses")
{
    Scratch empty;
    const std::string lonely = empty / "ostlerd";
    REQUIRE(run({"/bin/cp", keeper_tree + "/bin/ostlerd", lonely}).exit == 0);
    const Ran ran = run({lonely});
    CHECK(ran.exit == 71);
    CHECK(ran.err == "ostlerd: cannot open " + empty.path() +
                         "/../libexec/ostler/launch: No such file or directory\n");
}

TEST_CASE("a keeper that is killed takes its workers with it")
{
    KeeperRig rig;
    const pid_t one = rig.run(1, "exec sleep 1000");
    const pid_t two = rig.run(2, "exec sleep 1000");
    rig.keeper().signal(SIGKILL);
    CHECK(eventually([&] { return stay_gone({one, two}); }));
    rig.order("exit 0");
}

TEST_CASE("a master that misses five beats is aborted")
{
    KeeperRig rig;
    rig.tell(Beat{});
    const pid_t worker = rig.run(1, "exec sleep 1000");
    ::kill(rig.master(), SIGSTOP); // an abort alone would not reach it
    CHECK(exit_code(rig) == 1);
    CHECK(says(rig, "has not answered for five seconds"));
    CHECK(says(rig, "was killed by signal 6 (Aborted)"));
    CHECK_FALSE(alive(worker));
}

TEST_CASE("a master that survives the abort is killed")
{
    KeeperRig rig;
    rig.order("ignore " + std::to_string(SIGABRT));
    rig.tell(Beat{});
    CHECK(exit_code(rig) == 1);
    CHECK(says(rig, "was killed by signal 9 (Killed)"));
}

TEST_CASE("a master that has closed its channel and stays is ended, though it never beat")
{
    KeeperRig rig;
    rig.close_channel();
    rig.order("close");
    CHECK(exit_code(rig) == 128 + SIGABRT);
    CHECK(says(rig, "was killed by signal 6 (Aborted)"));
}

TEST_CASE("without a heartbeat a stopped master is left alone")
{
    KeeperRig rig{{{"OSTLER_NO_HEARTBEAT", "1"}}};
    rig.tell(Beat{});
    CHECK(throughout(7s, [&] { return rig.keeper().running(); }));
    CHECK(alive(rig.master()));
}

TEST_CASE("what the master says to the service manager is relayed, to a path or an abstract name")
{
    Scratch scratch;
    for (const std::string& path :
         {scratch / "notify", "@ostler-test-" + std::to_string(::getpid())}) {
        INFO(path);
        NotifySocket manager{path};
        KeeperRig rig{{{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "2000000"}}};
        const auto env = environment_of(rig.master());
        CHECK(env.at("OSTLER_NOTIFY") == "1");
        CHECK(env.at("OSTLER_WATCHDOG_USEC") == "2000000");
        CHECK_FALSE(env.contains("NOTIFY_SOCKET"));
        CHECK_FALSE(env.contains("WATCHDOG_USEC"));
        rig.tell(Notify{"READY=1\nSTATUS=four workers"});
        CHECK(manager.hears("STATUS=four workers"));
        CHECK(manager.heard().front() == "READY=1");
    }
}

TEST_CASE("a service manager that has heard us and is gone is not complained of, another once")
{
    Scratch scratch;
    std::optional<NotifySocket> manager{scratch / "notify"};
    KeeperRig heard{{{"NOTIFY_SOCKET", scratch / "notify"}}};
    heard.tell(Notify{"READY=1"});
    REQUIRE(manager->hears("READY=1"));
    manager.reset();
    KeeperRig unheard{{{"NOTIFY_SOCKET", scratch / "nobody"}}};
    for (KeeperRig* rig : {&heard, &unheard}) {
        rig->tell(Notify{"STATUS=one"});
        rig->tell(Notify{"STATUS=two"});
        rig->tell(End{0});
        rig->order("exit 0");
        CHECK(exit_code(*rig) == 0);
    }
    CHECK(heard.keeper().err().empty());
    CHECK(unheard.keeper().err() ==
          "ostlerd: cannot notify the service manager: No such file or directory\n");
}

TEST_CASE("without a service manager, or with the watchdog of another, the master is told nothing")
{
    KeeperRig rig{{{"WATCHDOG_USEC", "2000000"}, {"WATCHDOG_PID", "1"}, {"OSTLER_NOTIFY", "1"}}};
    const auto env = environment_of(rig.master());
    CHECK_FALSE(env.contains("OSTLER_NOTIFY"));
    CHECK_FALSE(env.contains("OSTLER_WATCHDOG_USEC"));
    rig.tell(Notify{"READY=1"}); // goes nowhere, and harms nobody
    rig.run(1, "exit 0");
}
