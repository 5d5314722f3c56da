// SPDX-License-Identifier: MIT
// A worker that cannot be started: which step failed, as a sentence, and never a daemon that falls.
#include <boost/json.hpp>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string steady = plain_pool();

std::string with_broken(const std::string& lines)
{
    return steady + "  broken:\n    protocol: none\n    exec: /bin/sleep\n    args: [\"600\"]\n" +
           indented(lines, "    ");
}

} // namespace

TEST_CASE("a folder that vanished is named with the step and the slot", "[start]")
{
    Daemon d{with_broken("cwd: DIR/there"),
             {.through = {"sh", "-c", "mkdir there; exec \"$@\"", "-"}}};
    d.ready();
    std::filesystem::remove(d / "there");
    const Ran ran = d.cli("restart broken");
    CHECK(ran.exit == 1);
    CHECK_THAT(ran.out + ran.err, Contains("worker broken/") && Contains(d / "there") &&
                                      Contains("No such file or directory"));
    CHECK(d.all_ready("broken", 1)); // the old one stays
}

TEST_CASE("an interpreter that is not there is a failure of executing", "[start]")
{
    const Scratch scratch;
    write_file(scratch / "tool", "#!/no/such/interpreter\n");
    ::chmod((scratch / "tool").c_str(), 0755);
    Daemon d{steady + "  broken: {protocol: none, exec: " + (scratch / "tool") + "}\n" +
             "ready_when: any\n"};
    d.ready();
    CHECK(d.logs("worker broken/0: executing"));
    CHECK(d.logs("No such file or directory"));
    CHECK(d.all_ready("job", 1));
}

TEST_CASE("an output that is a symbolic link is refused", "[start]")
{
    const Scratch scratch;
    std::filesystem::create_symlink("/dev/null", scratch / "out");
    Daemon d{with_broken("stdout: \"file:" + (scratch / "out") + "\"") + "ready_when: any\n"};
    d.ready();
    CHECK(d.logs("worker broken/0: "));
    CHECK(d.logs("symbolic links"));
}

TEST_CASE("a user that may not be changed to is named", "[start]")
{
    Daemon d{with_broken("user: daemon") + "ready_when: any\n",
             {.through = {"sh", "-c",
                          "chown nobody . && chmod 755 . && exec setpriv --reuid nobody --regid "
                          "nogroup --clear-groups \"$@\"",
                          "-"},
              .options = {"--insecure-spec"}}};
    CHECK(d.logs("changing to the groups of user daemon: Operation not permitted"));
}

TEST_CASE("an address that is taken is the system's refusal, exit 71", "[start]")
{
    Daemon first{web_pool()};
    first.ready();
    const std::string taken = boost::json::value_to<std::string>(first.socket("web").at("address"));
    Daemon second{web_pool("", "listen: " + taken)};
    const auto end = second.ended();
    REQUIRE(end);
    CHECK(end->exit == 71);
    CHECK_THAT(second.log(), Catch::Contains("cannot bind " + taken + ": address in use by"));
}

TEST_CASE("too low a limit of open files is said to be one, and the lowest is enough", "[start]")
{
    const Ran ran = run({"prlimit", "--nofile=63:63", ostlerd_program, "--version"});
    CHECK(ran.exit == 71);
    CHECK(ran.err == "ostlerd: the limit of open files is 63, and this daemon needs at least 64: "
                     "raise it (ulimit -n, LimitNOFILE=)\n");
    Daemon d{web_pool("workers: 3") +
                 "  job: {exec: /bin/sleep, args: [\"600\"], protocol: none}\n",
             {.through = {"prlimit", "--nofile=64:64"}}};
    d.ready();
    CHECK(d.all_ready("api", 3));
}

TEST_CASE("a failed start counts against the backoff and shows when the next one is", "[start]")
{
    const Scratch scratch;
    write_file(scratch / "tool", "#!/no/such/interpreter\n");
    ::chmod((scratch / "tool").c_str(), 0755);
    Daemon d{steady + "  broken:\n    protocol: none\n    exec: " + (scratch / "tool") +
             "\n    restart: {backoff: {initial: 20s, next: 20s}}\nready_when: any\n"};
    d.ready();
    REQUIRE(eventually([&] { return d.row("broken").state == "backoff"; }));
    CHECK(d.row("broken").next_start_in_s.value_or(0) > 0);
    CHECK_FALSE(d.row("broken").pid);
}
