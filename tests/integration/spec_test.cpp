// SPDX-License-Identifier: MIT
// A spec is understood or refused: all of it, with the place.
#include <sys/stat.h>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

// What a daemon says to this spec, and how it ends. It never becomes one.
struct Refusal {
    Scratch scratch;
    std::string file = scratch / "ostler.yaml";
    Ran ran;
    explicit Refusal(const std::string& spec)
    {
        write_file(file, spec);
        ran = run({ostlerd_program, "--config", file, "--control", scratch / "control.sock"});
    }
    [[nodiscard]] std::string at(const std::string& place) const { return file + ":" + place; }
};

const std::string wrong_in_four_ways = "sockets:\n"
                                       "  web: {listen: \"tcp://127.0.0.1:0\"}\n"
                                       "pools:\n"
                                       "  api:\n"
                                       "    exec: /no/such/program\n"
                                       "    workers: many\n"
                                       "    sockets: [wob]\n"
                                       "    colour: blue\n";

} // namespace

TEST_CASE("every mistake of a spec is reported in one run with line, column and path, exit 78",
          "[spec]")
{
    const Refusal refusal{wrong_in_four_ways};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("5:11: pools.api.exec: ")));
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("6:14: pools.api.workers: ")));
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("7:15: pools.api.sockets")));
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("8:5: pools.api.colour: ")));
}

TEST_CASE("check says the same without a daemon, exit 78, nothing wrong is exit 0", "[spec]")
{
    const Scratch scratch;
    const std::string file = scratch / "ostler.yaml";
    write_file(file, wrong_in_four_ways);
    const Ran wrong = run({ostler_program, "check", file});
    CHECK(wrong.exit == 78);
    CHECK_THAT(wrong.out + wrong.err, Contains(file + ":6:14: pools.api.workers: "));
    CHECK(run({ostlerd_program, "--check", "--config", file}).exit == 78);

    write_file(file, "pools: {job: {exec: /bin/sleep, args: [\"1\"], protocol: none}}\n");
    CHECK(run({ostler_program, "check", file}).exit == 0);
    CHECK(run({ostlerd_program, "--check", "--config", file}).exit == 0);
}

TEST_CASE("a key given twice is an error at its second place", "[spec]")
{
    const Refusal refusal{"pools:\n"
                          "  job: {exec: /bin/sleep, protocol: none}\n"
                          "  job: {exec: /bin/true, protocol: none}\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("3:3: pools.job: ")));
}

TEST_CASE("a key that is designed but not built is an error that says so", "[spec]")
{
    const Refusal refusal{
        "http: 127.0.0.1:9641\n"
        "pools:\n"
        "  job: {exec: /bin/sleep, protocol: none, liveness: {heartbeat: 10s}}\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("1:1: http: ")) && Contains("not built yet"));
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("3:43: pools.job.liveness: ")));
}

TEST_CASE("a file that is no YAML is refused with the place where it stops being it", "[spec]")
{
    const Refusal refusal{"pools:\n  job: {exec: /bin/sleep\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains(refusal.file + ":"));
}

TEST_CASE("a spec that is not there is refused with its path", "[spec]")
{
    const Ran ran = run({ostlerd_program, "--config", "/no/such/ostler.yaml"});
    CHECK(ran.exit == 78);
    CHECK_THAT(ran.err, Contains("/no/such/ostler.yaml"));
}

TEST_CASE("sockets for a pool that cannot listen are refused", "[spec]")
{
    const Refusal refusal{"sockets: {web: {listen: \"tcp://127.0.0.1:0\"}}\n"
                          "pools:\n"
                          "  job: {exec: /bin/sleep, protocol: none, sockets: [web]}\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains(refusal.at("3:")) && Contains("pools.job"));
}

TEST_CASE("round-robin for workers that cannot take hand-overs is refused", "[spec]")
{
    const Refusal refusal{
        "sockets: {web: {listen: \"tcp://127.0.0.1:0\", scheduling: round-robin}}\n"
        "pools:\n"
        "  site: {exec: /bin/sleep, protocol: systemd, sockets: [web]}\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains("cannot be handed connections"));
}

TEST_CASE("an executable and a user that are not there are refused", "[spec]")
{
    const Refusal refusal{"pools:\n"
                          "  job: {exec: no-such-program-in-path, protocol: none}\n"
                          "  task: {exec: sleep, protocol: none, user: no-such-user}\n"};
    CHECK(refusal.ran.exit == 78);
    CHECK_THAT(refusal.ran.err, Contains("no-such-program-in-path"));
    CHECK_THAT(refusal.ran.err, Contains("no-such-user"));
}

TEST_CASE("a spec that others may write is refused with path and mode", "[spec]")
{
    const Scratch scratch;
    const std::string file = scratch / "ostler.yaml";
    write_file(file, plain_pool());
    ::chmod(file.c_str(), 0666);
    const Ran ran = run({ostlerd_program, "--config", file, "--control", scratch / "control.sock"});
    CHECK(ran.exit != 0);
    CHECK_THAT(ran.err, Contains(file) && Contains("666"));
}

TEST_CASE("an insecure spec is taken for development, if told", "[spec]")
{
    Daemon d{plain_pool(), {.options = {"--insecure-spec"}}};
    d.ready();
    ::chmod(d.spec_path().c_str(), 0666);
    CHECK(d.cli("reload").exit == 0);
}

TEST_CASE("variables are filled in, of the daemon and of each worker", "[spec]")
{
    Daemon d{plain_pool("workers: 2\nenv: {COLOUR: \"${OSTLER_TEST_COLOUR}\", PLACE: "
                        "\"slot ${OSTLER_SLOT}\"}"),
             {.env = {{"OSTLER_TEST_COLOUR", "blue"}}}};
    d.ready();
    for (const Row& row : d.rows("job")) {
        const auto env = environment_of(*row.pid);
        CHECK(env.at("COLOUR") == "blue");
        CHECK(env.at("PLACE") == "slot " + std::to_string(row.slot));
    }
}

TEST_CASE("a name without a slash is looked up in PATH, a relative path beside the spec", "[spec]")
{
    Daemon d{"pools:\n"
             "  found: {exec: sleep, args: [\"600\"], protocol: none}\n"};
    d.ready();
    write_file(d / "tool", "#!/bin/sh\nexec sleep 600\n");
    ::chmod((d / "tool").c_str(), 0755);
    d.write_spec("pools:\n"
                 "  found: {exec: sleep, args: [\"600\"], protocol: none}\n"
                 "  beside: {exec: ./tool, protocol: none, workers: 1}\n");
    d.must("reload");
    CHECK(eventually([&] { return d.all_ready("beside", 1); }));
    CHECK(d.all_ready("found", 1));
}
