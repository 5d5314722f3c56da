// SPDX-License-Identifier: MIT
// The real launcher, run by the test in the keeper's place: each stage that fails says so, and a
// worker gets what its plan says and nothing else.
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ipc/sealed_plan.hpp"
#include "tests/fault/keeper_rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;
using namespace ostler::wire::plan;
using ostler::os::adopt;
using ostler::os::UniqueFd;

namespace
{

constexpr std::uint32_t nobody = 65534;

Plan sleeper()
{
    return shell_plan("exec sleep 1000", ::getpid());
}

// A launch: how it went is known as soon as the report pipe has ended.
class Launched
{
public:
    Launched(const UniqueFd& plan, Words command, std::vector<int> fds = {})
    {
        fds.insert(fds.begin(), {plan.get(), pipe_.writer().get()});
        child_.emplace(command,
                       Child::Settings{.env = {{"LEAK", "1"}}, .cwd = {}, .input = -1, .fds = fds});
        report_ = report_in(pipe_);
    }
    explicit Launched(const Plan& plan, std::vector<int> fds = {})
        : Launched{ostler::seal_plan(plan).value(), {launch_program}, std::move(fds)}
    {
    }
    [[nodiscard]] const std::optional<Report>& report() const { return report_; }
    [[nodiscard]] pid_t pid() const { return child_->pid(); }
    [[nodiscard]] Child& child() { return *child_; }

private:
    Pipe pipe_;
    std::optional<Child> child_;
    std::optional<Report> report_;
};

void check_failed(Launched& launched, Stage stage, int error)
{
    REQUIRE(launched.report());
    CHECK(stage_name(Stage{launched.report()->stage}) == stage_name(stage));
    CHECK(std::strerror(launched.report()->error) == std::string{std::strerror(error)});
    const auto ended = launched.child().wait();
    REQUIRE(ended);
    CHECK(ended->exit == 127);
}

void check_fails(const Plan& plan, Stage stage, int error)
{
    Launched launched{plan};
    check_failed(launched, stage, error);
}

// Seccomp without no_new_privs, and other users, are for root; so are the tests that need them.
bool root()
{
    if (::geteuid() != 0)
        WARN("not tested: only root can");
    return ::geteuid() == 0;
}

// In a world in which this system call fails.
void check_fails_without(long system_call, int answer, const Plan& plan, Stage stage, int error)
{
    if (!root())
        return;
    Launched launched{
        ostler::seal_plan(plan).value(),
        {confined_program, std::to_string(system_call), std::to_string(answer), launch_program}};
    check_failed(launched, stage, error);
}

Plan as_nobody(Plan plan)
{
    plan.uid = plan.gid = nobody;
    plan.groups = {nobody};
    return plan;
}

} // namespace

TEST_CASE("a plan that is not sealed, or is none, is refused before anything else")
{
    const auto bytes = write_plan(sleeper());
    const auto file = [&](std::size_t size, int seals) {
        UniqueFd fd{adopt, ::memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        REQUIRE(::write(fd.get(), bytes.data(), size) == static_cast<ssize_t>(size));
        REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
        return fd;
    };
    struct Case {
        std::size_t size;
        int seals, error;
    };
    for (const auto& one :
         {Case{bytes.size(), F_SEAL_WRITE, EPERM}, Case{bytes.size(), F_SEAL_SHRINK, EPERM},
          Case{bytes.size() - 1, F_SEAL_WRITE | F_SEAL_SHRINK, EBADMSG},
          Case{0, F_SEAL_WRITE | F_SEAL_SHRINK, EBADMSG}}) {
        const UniqueFd plan = file(one.size, one.seals);
        Launched launched{plan, {launch_program}};
        check_failed(launched, Stage::reading_plan, one.error);
    }
    Plan senseless = sleeper();
    senseless.uid = 1; // without a group
    check_fails(senseless, Stage::reading_plan, EBADMSG);
}

TEST_CASE("the launcher run by hand says what it is")
{
    const Ran ran = run({launch_program});
    CHECK(ran.exit == 64);
    CHECK(ran.err == "launch: this is a part of ostlerd, which runs it to start a worker\n");
}

TEST_CASE("a stage that fails is reported with its errno")
{
    Plan plan = sleeper();
    SECTION("a descriptor that was not sent")
    {
        plan.descriptors = {{.index = 0, .target = 3}};
        check_fails(plan, Stage::descriptors, EBADF);
    }
    SECTION("an output that was not sent")
    {
        plan.err = {.kind = OutputKind::descriptor, .path = {}, .index = 4};
        check_fails(plan, Stage::descriptors, EBADF);
    }
    SECTION("nice")
    {
        plan.nice = -5;
        plan.set_nice = true;
        check_fails_without(SYS_setpriority, EACCES, plan, Stage::nice, EACCES);
    }
    SECTION("oom_score_adj")
    {
        plan.set_oom_score_adj = true;
        check_fails_without(SYS_openat, EACCES, plan, Stage::oom_score_adj, EACCES);
    }
    SECTION("a processor that is not there")
    {
        plan.cpus = {1023};
        check_fails(plan, Stage::affinity, EINVAL);
    }
    SECTION("a limit that nobody may have")
    {
        plan.limits = {{.resource = RLIMIT_NOFILE, .soft = 64, .hard = 1ULL << 40}};
        check_fails(plan, Stage::limits, EPERM);
    }
    SECTION("groups")
    {
        check_fails_without(SYS_setgroups, EPERM, as_nobody(plan), Stage::groups, EPERM);
        check_fails_without(SYS_setresgid, EINVAL, as_nobody(plan), Stage::groups, EINVAL);
    }
    SECTION("user")
    {
        check_fails_without(SYS_setresuid, EAGAIN, as_nobody(plan), Stage::user, EAGAIN);
    }
    SECTION("a keeper that is not our parent any more")
    {
        plan.keeper = 1;
        check_fails(plan, Stage::death_signal, ESRCH);
    }
    SECTION("a working directory that is not there")
    {
        plan.cwd = "/nonexistent";
        check_fails(plan, Stage::working_directory, ENOENT);
    }
    SECTION("no such program")
    {
        plan.exec = "/nonexistent";
        check_fails(plan, Stage::executing, ENOENT);
    }
    SECTION("a program that may not be executed")
    {
        plan.exec = "/etc/passwd";
        check_fails(plan, Stage::executing, EACCES);
    }
}

TEST_CASE("privileges are verified, not assumed: calls that only pretend to drop them are noticed")
{
    if (!root())
        return;
    // With an answer of 0 the call does nothing and succeeds.
    check_fails_without(SYS_setresuid, 0, as_nobody(sleeper()), Stage::privileges, EPERM);
    check_fails_without(SYS_setresgid, 0, as_nobody(sleeper()), Stage::privileges, EPERM);
    check_fails_without(SYS_setgroups, 0, as_nobody(sleeper()), Stage::privileges, EPERM);
}

TEST_CASE("an output file that is not one is refused")
{
    Scratch scratch;
    Plan plan = sleeper();
    const auto check_refused = [&](const std::string& name, int error) {
        plan.out = {.kind = OutputKind::file, .path = scratch / name, .index = 0};
        INFO(name);
        check_fails(plan, Stage::output, error);
    };
    write_file(scratch / "file", "");
    REQUIRE(::symlink((scratch / "file").c_str(), (scratch / "link").c_str()) == 0);
    REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
    check_refused("link", ELOOP);
    check_refused("fifo", ENXIO); // that nobody reads: waiting for a reader would be for ever
    check_refused(".", EISDIR);
    check_refused("nowhere/file", ENOENT);
}

TEST_CASE("an output file is opened with the rights of the worker's user")
{
    if (!root())
        return;
    Scratch scratch; // of root, and closed to everybody else
    REQUIRE(::chmod(scratch.path().c_str(), 0700) == 0);
    Plan plan = as_nobody(sleeper());
    plan.err = {.kind = OutputKind::file, .path = scratch / "log", .index = 0};
    check_fails(plan, Stage::output, EACCES);

    REQUIRE(::chmod(scratch.path().c_str(), 0777) == 0);
    Launched launched{plan};
    CHECK_FALSE(launched.report());
    struct stat made {
    };
    REQUIRE(::stat(plan.err.path.c_str(), &made) == 0);
    CHECK(made.st_uid == nobody);
    CHECK((made.st_mode & 07777) == 0640);
}

TEST_CASE("an output file is appended to, and is a blocking descriptor for the worker")
{
    Scratch scratch;
    write_file(scratch / "log", "old\n");
    Plan plan = shell_plan("echo out; echo err >&2; exec sleep 1000", ::getpid());
    plan.out = {.kind = OutputKind::file, .path = scratch / "log", .index = 0};
    plan.err = plan.out;
    Launched launched{plan};
    CHECK(eventually([&] { return read_file(scratch / "log") == "old\nout\nerr\n"; }));
    const auto info = read_file("/proc/" + std::to_string(launched.pid()) + "/fdinfo/1");
    const auto flags = std::stoi(info.substr(info.find("flags:") + 6), nullptr, 8);
    CHECK((flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == (O_WRONLY | O_APPEND));
}

TEST_CASE("outputs go to nowhere, to a descriptor, or where the daemon's go")
{
    Pipe pipe;
    Plan plan = shell_plan("echo out; echo err >&2", ::getpid());
    plan.out = {.kind = OutputKind::descriptor, .path = {}, .index = 0};
    plan.err = {.kind = OutputKind::null, .path = {}, .index = 0};
    Launched one{plan, {pipe.writer().get()}};
    CHECK(pipe.read_all() == "out\n");
    CHECK(one.child().wait());
    CHECK(one.child().err().empty());

    plan.out = plan.err = {};
    Launched other{plan};
    CHECK(other.child().wait());
    CHECK(other.child().out() == "out\n");
    CHECK(other.child().err() == "err\n");
}

TEST_CASE("a worker holds exactly the descriptors that its plan places, wherever they were")
{
    const auto memory = [](const char* name) { return UniqueFd{adopt, ::memfd_create(name, 0)}; };
    const UniqueFd a = memory("a"), b = memory("b"), c = memory("c"), unused = memory("unused");
    Plan plan = sleeper();
    plan.out = plan.err = {.kind = OutputKind::null, .path = {}, .index = 0};
    // Received as 5, 6, 7, 8. Each target is another one's source, or what the launcher itself
    // uses.
    plan.descriptors = {{.index = 0, .target = 6},
                        {.index = 1, .target = 5},
                        {.index = 2, .target = 3},
                        {.index = 2, .target = 4},
                        {.index = 1, .target = 700}};
    Launched launched{plan, {a.get(), b.get(), c.get(), unused.get()}};
    REQUIRE_FALSE(launched.report());
    CHECK(descriptors_of(launched.pid()) ==
          std::map<int, std::string>{{0, "/dev/null"},
                                     {1, "/dev/null"},
                                     {2, "/dev/null"},
                                     {3, "/memfd:c (deleted)"},
                                     {4, "/memfd:c (deleted)"},
                                     {5, "/memfd:b (deleted)"},
                                     {6, "/memfd:a (deleted)"},
                                     {700, "/memfd:b (deleted)"}});
}

TEST_CASE("a worker that is given no descriptors has none")
{
    const UniqueFd sent{adopt, ::memfd_create("sent", 0)};
    Launched launched{sleeper(), {sent.get(), sent.get()}};
    const auto held = descriptors_of(launched.pid());
    CHECK(held.size() == 3);
    CHECK(held.begin()->second == "/dev/null");
}

TEST_CASE("umask, nice, oom_score_adj, processors and limits are the plan's")
{
    Plan plan = sleeper();
    plan.umask = 027;
    plan.nice = 7;
    plan.set_nice = true;
    plan.oom_score_adj = 321;
    plan.set_oom_score_adj = true;
    plan.cpus = {1};
    plan.limits = {{.resource = RLIMIT_NOFILE, .soft = 64, .hard = 128},
                   {.resource = RLIMIT_CORE, .soft = 0, .hard = 0}};
    const Launched launched{plan};
    const pid_t pid = launched.pid();
    REQUIRE_FALSE(launched.report());
    CHECK(status_field(pid, "Umask") == "0027");
    CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) == 7);
    CHECK(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj") == "321\n");
    CHECK(status_field(pid, "Cpus_allowed_list") == "1");
    rlimit held{};
    REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &held) == 0);
    CHECK(held.rlim_cur == 64);
    CHECK(held.rlim_max == 128);
    REQUIRE(::prlimit(pid, RLIMIT_CORE, nullptr, &held) == 0);
    CHECK(held.rlim_max == 0);
}

TEST_CASE("user and groups are the plan's, and no privilege is left")
{
    if (!root())
        return;
    Plan plan = as_nobody(sleeper());
    plan.groups = {nobody, 7, 4711};
    plan.no_new_privileges = true;
    const Launched launched{plan};
    const pid_t pid = launched.pid();
    REQUIRE_FALSE(launched.report());
    CHECK(status_field(pid, "Uid") == "65534\t65534\t65534\t65534");
    CHECK(status_field(pid, "Gid") == "65534\t65534\t65534\t65534");
    CHECK(words(status_field(pid, "Groups")) == Words{"7", "4711", "65534"});
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        CHECK(status_field(pid, set) == "0000000000000000");
    CHECK(status_field(pid, "NoNewPrivs") == "1");
}

TEST_CASE("a worker without supplementary groups has none of the daemon's")
{
    if (!root())
        return;
    Plan plan = as_nobody(sleeper());
    plan.groups.clear();
    const Launched launched{plan};
    REQUIRE_FALSE(launched.report());
    CHECK(words(status_field(launched.pid(), "Groups")).empty());
}

TEST_CASE("no signal is blocked or ignored in a worker, whatever the daemon's parent liked")
{
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const auto old = std::signal(SIGPIPE, SIG_IGN);
    const Launched launched{sleeper()};
    std::signal(SIGPIPE, old);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    REQUIRE_FALSE(launched.report());
    CHECK(status_field(launched.pid(), "SigBlk") == "0000000000000000");
    // 32 and 33 are glibc's own: the posix_spawn of this test ignores them, the keeper does not.
    const auto ignored = std::stoull(status_field(launched.pid(), "SigIgn"), nullptr, 16);
    CHECK((ignored & ~0x1'8000'0000ULL) == 0);
}

TEST_CASE("argv, environment and working directory are the plan's, and nothing leaks in")
{
    Plan plan = sleeper();
    plan.exec = "/bin/sleep";
    plan.args = {"a name", "1000"};
    plan.env = {"ONE=1", "EMPTY="};
    plan.cwd = "/usr";
    plan.listen_pid = true;
    const Launched launched{plan};
    const pid_t pid = launched.pid();
    REQUIRE_FALSE(launched.report());
    CHECK(command_line(pid) == "a name 1000 ");
    CHECK(environment_of(pid) ==
          std::map<std::string, std::string>{
              {"ONE", "1"}, {"EMPTY", ""}, {"LISTEN_PID", std::to_string(pid)}});
    char cwd[16] = {};
    REQUIRE(::readlink(("/proc/" + std::to_string(pid) + "/cwd").c_str(), cwd, sizeof cwd) > 0);
    CHECK(cwd == std::string{"/usr"});
}

TEST_CASE("keeper and launcher need libc alone, the launcher not even that")
{
    const auto needed = [](const std::string& program) {
        std::string result;
        for (const std::string& word : words(run({"readelf", "-d", program}).out))
            if (word.front() == '[')
                result += word;
        return result;
    };
    CHECK(needed(keeper_tree + "/bin/ostlerd") == "[libc.so.6]");
    CHECK(needed(launch_program).empty());
}
