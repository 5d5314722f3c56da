// SPDX-License-Identifier: MIT
// What surrounds a worker: environment, folder, user, limits, outputs, descriptors.
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/proc.hpp"

using namespace ostler::test;

namespace
{

pid_t only_job(Daemon& d)
{
    return d.ready().pids("job").at(0);
}

std::string link(pid_t pid, const std::string& name)
{
    char target[4096] = {};
    const auto size = ::readlink(("/proc/" + std::to_string(pid) + "/" + name).c_str(), target,
                                 sizeof target - 1);
    return {target, static_cast<std::size_t>(size > 0 ? size : 0)};
}

} // namespace

TEST_CASE("a worker has the daemon's environment, its own on top, and who it is", "[process]")
{
    Daemon d{web_pool("env: {COLOUR: blue}"), {.env = {{"INHERITED", "yes"}}}};
    const auto env = environment_of(d.ready().pids("api").at(0));
    CHECK(env.at("INHERITED") == "yes");
    CHECK(env.at("COLOUR") == "blue");
    CHECK(env.at("OSTLER_POOL") == "api");
    CHECK(env.at("OSTLER_SLOT") == "0");
    CHECK(env.at("OSTLER_WORKER_ID") == std::to_string(*d.row("api").id));
}

TEST_CASE("what the daemon's own manager gave it is kept from workers", "[process]")
{
    Daemon d{plain_pool(), {.env = {{"LISTEN_FDS", "0"}, {"NODE_CHANNEL_FD", "9"}}}};
    const auto env = environment_of(only_job(d));
    for (const char* name : {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC",
                             "NODE_CHANNEL_FD", "OSTLER_CHANNEL_FD"})
        CHECK_FALSE(env.contains(name));
}

TEST_CASE("env_clear leaves only what the spec says", "[process]")
{
    Daemon d{plain_pool("env_clear: true\nenv: {COLOUR: blue}"), {.env = {{"INHERITED", "yes"}}}};
    const auto env = environment_of(only_job(d));
    CHECK_FALSE(env.contains("INHERITED"));
    CHECK(env.at("COLOUR") == "blue");
}

TEST_CASE("a worker's folder is the spec's, or as it says", "[process]")
{
    Daemon d{plain_pool() +
                 "  rooted: {exec: /bin/sleep, args: [\"600\"], protocol: none, cwd: /usr}\n",
             {.cwd = "/"}};
    CHECK(link(only_job(d), "cwd") == d.dir());
    CHECK(link(d.pids("rooted").at(0), "cwd") == "/usr");
}

TEST_CASE("a worker runs as its user and group, without the daemon's groups", "[process]")
{
    Daemon d{plain_pool("user: nobody\ngroup: nogroup")};
    const pid_t pid = only_job(d);
    const std::string uid = std::to_string(::getpwnam("nobody")->pw_uid);
    CHECK(words(status_field(pid, "Uid")) == Words{uid, uid, uid, uid});
    CHECK(words(status_field(pid, "Gid")).at(0) == std::to_string(::getpwnam("nobody")->pw_gid));
    CHECK(words(status_field(pid, "CapEff")).at(0) == "0000000000000000");
}

TEST_CASE("umask, nice, oom_score_adj and no_new_privileges are set", "[process]")
{
    Daemon d{plain_pool("umask: \"0027\"\nnice: 5\noom_score_adj: 300\nno_new_privileges: true")};
    const pid_t pid = only_job(d);
    CHECK(status_field(pid, "Umask") == "0027");
    CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) == 5);
    CHECK(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj") == "300\n");
    CHECK(status_field(pid, "NoNewPrivs") == "1");
}

TEST_CASE("limits are set for the worker alone", "[process]")
{
    Daemon d{plain_pool("limits: {nofile: 123, core: 0}")};
    rlimit limit{};
    ::prlimit(only_job(d), RLIMIT_NOFILE, nullptr, &limit);
    CHECK(limit.rlim_cur == 123);
    CHECK(limit.rlim_max == 123);
    ::prlimit(d.keeper(), RLIMIT_NOFILE, nullptr, &limit);
    CHECK(limit.rlim_cur != 123);
}

TEST_CASE("a worker stays on its CPU", "[process]")
{
    Daemon d{plain_pool("cpu_affinity: [0]")};
    cpu_set_t set;
    REQUIRE(::sched_getaffinity(only_job(d), sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == 1);
    CHECK(CPU_ISSET(0, &set));
}

TEST_CASE("outputs go to a file, to nowhere, or where the daemon's go", "[process]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"echo said; echo complained >&2; exec sleep "
                        "600\"]\nstdout: \"file:DIR/out\"\nstderr: inherit") +
             "  quiet: {exec: /bin/sleep, args: [\"600\"], protocol: none, stdout: null, stderr: "
             "null}\n"};
    const pid_t pid = only_job(d);
    CHECK(eventually([&] { return read_file(d / "out") == "said\n"; }));
    CHECK(d.logs("complained"));
    CHECK(link(pid, "fd/2") == link(d.keeper(), "fd/2"));
    CHECK(link(d.pids("quiet").at(0), "fd/1") == "/dev/null");
    CHECK(link(d.pids("quiet").at(0), "fd/0") == "/dev/null");
}

TEST_CASE("a file output is rotated by truncating it, or by renaming it and a restart", "[process]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"trap 'echo line' USR1; echo up; while :; do "
                        "sleep 0.05; done\"]\nstdout: \"file:DIR/out\"\nrollout: {surge: 0, "
                        "min_healthy: 0s}")};
    d.ready();
    const std::string out = d / "out", old = d / "out.1";
    const auto print = [&] { ::kill(only_job(d), SIGUSR1); };
    REQUIRE(eventually([&] { return read_file(out) == "up\n"; }));
    std::filesystem::resize_file(out, 0);
    print();
    CHECK(eventually([&] { return read_file(out) == "line\n"; })); // from its beginning, no hole
    std::filesystem::rename(out, old);
    print();
    CHECK(eventually([&] { return read_file(old) == "line\nline\n"; }));
    CHECK_FALSE(exists(out));
    d.must("restart job");
    CHECK(eventually([&] { return read_file(out) == "up\n"; }));
    CHECK(read_file(old) == "line\nline\n");
}

TEST_CASE("a plain worker inherits its three descriptors and no other", "[process]")
{
    Daemon d{plain_pool("stdout: null\nstderr: null")};
    const pid_t pid = only_job(d);
    // The dynamic loader has a library open for a moment.
    CHECK(eventually([&] {
        const auto open = descriptors_of(pid);
        return open.size() == 3 && open.rbegin()->first == 2;
    }));
}

TEST_CASE("a worker holds nothing of its siblings", "[process]")
{
    // With round-robin: a channel, a page and a queue each; never another's, never the listener.
    Daemon d{web_pool("workers: 3", "scheduling: round-robin")};
    d.ready();
    std::map<std::string, int> holders;
    for (const pid_t pid : d.pids("api"))
        for (const auto& [fd, target] : descriptors_of(pid))
            if (fd > 2 && target.rfind("socket:", 0) == 0)
                ++holders[target];
    CHECK_FALSE(holders.empty());
    for (const auto& [target, count] : holders)
        CHECK(count == 1);
}

TEST_CASE("each worker leads a process group of its own", "[process]")
{
    Daemon d{plain_pool("workers: 2")};
    d.ready();
    for (const pid_t pid : d.pids("job"))
        CHECK(::getpgid(pid) == pid);
    CHECK(::getpgid(d.master()) != ::getpgid(d.keeper()));
}

TEST_CASE("the keeper is the parent of workers and master", "[process]")
{
    Daemon d{plain_pool("workers: 2")};
    d.ready();
    const auto children = children_of(d.keeper());
    for (const pid_t pid : d.pids("job"))
        CHECK(std::count(children.begin(), children.end(), pid) == 1);
    CHECK(std::count(children.begin(), children.end(), d.master()) == 1);
}

TEST_CASE("no signal is blocked or ignored in a worker", "[process]")
{
    Daemon d{plain_pool()};
    const pid_t pid = only_job(d);
    CHECK(status_field(pid, "SigBlk") == "0000000000000000");
    CHECK(status_field(pid, "SigIgn") == "0000000000000000");
}
