// SPDX-License-Identifier: MIT
// What the keeper does with workers: starts, reaps, signals and reports them.
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/fault/keeper_rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using namespace ostler::wire::keeper;
using ostler::os::UniqueFd;

namespace
{

bool gone(pid_t pid)
{
    return eventually([&] { return !alive(pid); });
}

void check_exit(KeeperRig& rig, std::uint64_t worker, int code, int status)
{
    const auto exited = rig.hear<Exited>();
    CHECK(exited.worker == worker);
    CHECK(exited.code == code);
    CHECK(exited.status == status);
}

void limit_descriptors(pid_t pid, rlim_t count)
{
    rlimit limit{};
    REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0);
    limit.rlim_cur = count;
    REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

// A worker whose script prints a pid on its first line.
pid_t run_and_read_pid(KeeperRig& rig, std::uint64_t worker, const std::string& script)
{
    Pipe report, output;
    auto plan = rig.plan(script);
    plan.out = {.kind = ostler::wire::plan::OutputKind::descriptor, .path = {}, .index = 0};
    rig.start(worker, plan, report, {output.writer().get()});
    REQUIRE(rig.hear<Started>().pid > 0);
    return std::stoi(output.read_line());
}

} // namespace

TEST_CASE("a worker is started as a child of the keeper, in a group of its own, with its pidfd")
{
    KeeperRig rig;
    Pipe report;
    rig.start(7, rig.plan("exec sleep 1000"), report);
    const auto started = rig.hear<Started>();
    const UniqueFd pidfd = rig.take_descriptor();
    CHECK(started.worker == 7);
    CHECK_FALSE(report_in(report));
    CHECK(children_of(rig.keeper().pid()) == std::vector<pid_t>{rig.master(), started.pid});
    CHECK(::getpgid(started.pid) == started.pid);
    CHECK(::getpgid(rig.master()) == rig.master());
    REQUIRE(pidfd.valid());
    CHECK(read_file("/proc/self/fdinfo/" + std::to_string(pidfd.get()))
              .find("Pid:\t" + std::to_string(started.pid) + "\n") != std::string::npos);

    rig.tell(Signal{7, SIGTERM, static_cast<std::uint8_t>(Scope::process)});
    check_exit(rig, 7, CLD_KILLED, SIGTERM);
}

TEST_CASE("the keeper keeps no descriptor of a start")
{
    KeeperRig rig;
    // An exit is told when the keeper is done with what came before it, its own start included.
    rig.run(1, "exit 3");
    check_exit(rig, 1, CLD_EXITED, 3);
    const auto before = descriptors_of(rig.keeper().pid());
    rig.run(2, "exec sleep 1000");
    rig.run(3, "exit 3");
    check_exit(rig, 3, CLD_EXITED, 3);
    CHECK(descriptors_of(rig.keeper().pid()) == before);
}

TEST_CASE("the exit code of a worker is reported")
{
    KeeperRig rig;
    rig.run(1, "exit 3");
    check_exit(rig, 1, CLD_EXITED, 3);
}

TEST_CASE("an exit that is not acknowledged is reported again at each beat, until it is")
{
    KeeperRig rig;
    rig.run(1, "exit 3");
    check_exit(rig, 1, CLD_EXITED, 3);
    CHECK(rig.silent_for(300ms)); // not by itself
    for (int times = 0; times < 3; ++times) {
        rig.tell(Beat{});
        check_exit(rig, 1, CLD_EXITED, 3);
    }
    rig.tell(Acknowledge{1});
    rig.tell(Beat{});
    CHECK(rig.silent_for(300ms));
}

TEST_CASE("a worker that runs cannot be acknowledged away")
{
    KeeperRig rig;
    const pid_t pid = rig.run(1, "exec sleep 1000");
    rig.tell(Acknowledge{1});
    rig.tell(Acknowledge{99});
    ::kill(pid, SIGKILL);
    check_exit(rig, 1, CLD_KILLED, SIGKILL);
}

TEST_CASE("a signal reaches the process alone, or its whole group")
{
    KeeperRig rig;
    const pid_t child = run_and_read_pid(rig, 1, "trap '' TERM; sleep 1000 & echo $!; wait; wait");
    rig.tell(Signal{1, SIGSTOP, static_cast<std::uint8_t>(Scope::process)});
    CHECK(eventually([&] { return state_of(::getpgid(child)) == 'T'; }));
    CHECK(alive(child));
    CHECK(state_of(child) != 'T'); // as it would be, had the group been signalled
    rig.tell(Signal{1, SIGKILL, static_cast<std::uint8_t>(Scope::group)});
    CHECK(gone(child));
    check_exit(rig, 1, CLD_KILLED, SIGKILL);
}

TEST_CASE("a signal to a worker that is reaped, or was never there, hits nobody")
{
    KeeperRig rig;
    const pid_t alive_one = rig.run(1, "exec sleep 1000");
    rig.run(2, "exit 0");
    check_exit(rig, 2, CLD_EXITED, 0);
    for (const std::uint64_t worker : {0U, 2U, 3U})
        for (const auto scope : {std::uint8_t{0}, std::uint8_t{1}}) {
            rig.tell(Signal{worker, SIGKILL, scope});
            if (worker == 2) // its exit has been told
                continue;
            const auto answer = rig.hear<Started>(); // nobody waits for its exit in vain
            CHECK(answer.worker == worker);
            CHECK(answer.pid == -ESRCH);
        }
    rig.tell(Signal{1, 4711, 0}); // no such signal
    rig.run(4, "exit 0");         // all of that has been read by now
    CHECK(alive(alive_one));
    CHECK(alive(rig.master()));
}

TEST_CASE("a start that cannot be told is undone, with all that it has started by then")
{
    // No room for long enough that the worker has a child, and then no way to lend its pidfd.
    KeeperRig rig{{{"LD_PRELOAD", fault_library},
                   {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                   {"OSTLER_FAULT", "sendmsg:1-100000:EAGAIN@ostlerd,"
                                    "sendmsg:1:ETOOMANYREFS@ostlerd"}}};
    Pipe report, output;
    auto plan = rig.plan("sleep 1000 & echo $!; exec sleep 1000");
    plan.out = {.kind = ostler::wire::plan::OutputKind::descriptor, .path = {}, .index = 0};
    rig.start(1, plan, report, {output.writer().get()});
    const pid_t child = std::stoi(output.read_line());
    CHECK(rig.hear<Started>().pid == -ETOOMANYREFS);
    CHECK(gone(child));
}

TEST_CASE("what a worker leaves in its group is killed before its exit is reported")
{
    KeeperRig rig;
    const pid_t left = run_and_read_pid(rig, 1, "sleep 1000 & echo $!; exit 0");
    check_exit(rig, 1, CLD_EXITED, 0);
    CHECK(gone(left)); // it may take a moment to die
}

TEST_CASE("an orphan that left the group lives on below the keeper, and is reaped at its end")
{
    KeeperRig rig;
    const pid_t orphan = run_and_read_pid(rig, 1, "setsid sleep 1000 & echo $!; sleep 0.1; exit 0");
    check_exit(rig, 1, CLD_EXITED, 0);
    CHECK(children_of(rig.keeper().pid()) == std::vector<pid_t>{rig.master(), orphan});
    ::kill(orphan, SIGKILL);
    CHECK(eventually([&] { return state_of(orphan) == '-'; }));
    CHECK(rig.silent_for(100ms)); // it was nobody's worker
}

TEST_CASE("a start whose launcher fails is reported in the pipe and as an exit with 127")
{
    KeeperRig rig;
    Pipe report;
    auto plan = rig.plan("");
    plan.exec = "/nonexistent";
    rig.start(1, plan, report);
    CHECK(rig.hear<Started>().pid > 0);
    check_exit(rig, 1, CLD_EXITED, 127);
    const auto said = report_in(report);
    REQUIRE(said);
    CHECK(said->stage == static_cast<std::uint32_t>(ostler::wire::plan::Stage::executing));
    CHECK(said->error == ENOENT);
}

TEST_CASE("an id that is in use is refused, and its worker is left alone")
{
    KeeperRig rig;
    const pid_t pid = rig.run(1, "exec sleep 1000");
    Pipe report;
    rig.start(1, rig.plan("exit 0"), report);
    CHECK(rig.hear<Started>().pid == -EEXIST);
    CHECK(alive(pid));
}

TEST_CASE("a start for which the keeper has no descriptors left fails alone")
{
    KeeperRig rig;
    limit_descriptors(rig.keeper().pid(), 12);
    Pipe report;
    const std::vector<int> many(20, report.writer().get());
    rig.start(1, rig.plan("exit 0"), report, many);
    CHECK(rig.hear<Started>().pid == -EMFILE);

    limit_descriptors(rig.keeper().pid(), 256);
    rig.run(1, "exit 0");
    check_exit(rig, 1, CLD_EXITED, 0);
}

TEST_CASE("a child that cannot get as far as the launcher is an answer with its errno")
{
    KeeperRig rig;
    limit_descriptors(rig.keeper().pid(), 24); // for each that it places the child needs a copy
    Pipe report;
    const std::vector<int> some(10, report.writer().get());
    rig.start(1, rig.plan("exit 0"), report, some);
    CHECK(rig.hear<Started>().pid == -EMFILE);
    CHECK(eventually([&] { // and nothing is left of the attempt
        return children_of(rig.keeper().pid()) == std::vector<pid_t>{rig.master()};
    }));
}

TEST_CASE("a master that does not read stops nothing, and hears everything in order later")
{
    KeeperRig rig;
    constexpr std::uint64_t workers = 200; // two packets for each are more than a socket holds
    for (std::uint64_t id = 1; id <= workers; ++id) {
        Pipe report;
        rig.start(id, rig.plan("exit 0"), report);
    }
    std::uint64_t next = 1;
    std::uint64_t exits = 0;
    while (exits < workers) {
        // Either kind may come: answers in order, an exit only after its answer.
        if (rig.next_type() == Type::started) {
            const auto started = rig.hear<Started>();
            REQUIRE(started.worker == next++);
            REQUIRE(started.pid > 0);
            (void)rig.take_descriptor();
        } else {
            const auto exited = rig.hear<Exited>();
            REQUIRE(exited.worker < next);
            rig.tell(Acknowledge{exited.worker});
            ++exits;
        }
    }
    CHECK(next == workers + 1);
    rig.tell(Beat{});
    CHECK(rig.silent_for(200ms));
}

TEST_CASE("nonsense in the channel harms nobody")
{
    KeeperRig rig;
    const std::byte bytes[] = {std::byte{64}, std::byte{0}, std::byte{1}};
    for (std::size_t size = 1; size <= 3; ++size)
        rig.tell_bytes({bytes, size});
    std::byte header_only[8] = {};
    for (int type = 0; type < 80; ++type)
        if (type != 69) { // a beat has no more than its header
            header_only[0] = static_cast<std::byte>(type);
            rig.tell_bytes(header_only);
        }
    Pipe report;
    rig.tell(Start{1}, {}); // without a plan
    const auto started = rig.hear<Started>();
    CHECK(started.pid > 0);
    check_exit(rig, 1, CLD_EXITED, 64);
    rig.run(2, "exit 0");
}
