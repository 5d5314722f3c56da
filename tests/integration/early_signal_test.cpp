// SPDX-License-Identifier: MIT
// A signal at any moment of the start: the daemon ends, or comes up; and leaves nothing either way.
#include <array>
#include <csignal>
#include <filesystem>

#include "ipc/control/client.hpp"
#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler::test;
namespace control = ostler::control;

namespace
{

struct Start {
    Scratch scratch;
    std::string control = scratch / "control.sock";
    Child daemon;

    Start() : daemon{command()} {}
    [[nodiscard]] Words command() const
    {
        write_file(scratch / "ostler.yaml", plain_pool());
        return {ostlerd_program, "--config", scratch / "ostler.yaml", "--control", control};
    }
    [[nodiscard]] pid_t master() const
    {
        const auto children = children_of(daemon.pid());
        return children.empty() ? 0 : children.front();
    }
    [[nodiscard]] bool up() const
    {
        return std::holds_alternative<control::Client>(control::Client::connect(control));
    }
};

bool executes(pid_t pid, const std::string& program)
{
    std::error_code none_yet;
    const auto link = "/proc/" + std::to_string(pid) + "/exe";
    return std::filesystem::read_symlink(link, none_yet).filename() == program;
}

struct Moment {
    const char* name;
    bool (*reached)(const Start& start);
    bool heard; // by a keeper that takes signals
};
constexpr std::array moments{
    Moment{"it was forked", [](const Start&) { return true; }, false},
    Moment{"ostlerd executes", [](const Start& s) { return executes(s.daemon.pid(), "ostlerd"); },
           false},
    Moment{"there is a master", [](const Start& s) { return s.master() != 0; }, true},
    Moment{"the master executes", [](const Start& s) { return executes(s.master(), "master"); },
           true},
    Moment{"the lock is there", [](const Start& s) { return exists(s.control + ".lock"); }, true},
    Moment{"the control socket is there", [](const Start& s) { return exists(s.control); }, true},
    Moment{"it answers", [](const Start& s) { return s.up(); }, true},
};

// As soon as it is so: these moments are shorter than any pause.
void await(const Moment& moment, const Start& start)
{
    const auto deadline = Clock::now() + patience;
    bool reached = false;
    while (!(reached = moment.reached(start)) && Clock::now() < deadline) {
    }
    REQUIRE(reached);
}

} // namespace

TEST_CASE("a signal at any moment of the start leaves neither process nor control socket",
          "[signals]")
{
    for (const Moment& moment : moments)
        for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
            CAPTURE(moment.name, number);
            Start start;
            await(moment, start);
            start.daemon.signal(number);
            if (number == SIGHUP) { // a reload of what is not there yet: it comes up all the same
                REQUIRE(eventually([&] { return !start.daemon.running() || start.up(); }));
                CHECK((start.daemon.running() || !moment.heard));
                start.daemon.signal(SIGTERM);
            }
            const auto end = start.daemon.wait();
            REQUIRE(end);
            CAPTURE(start.daemon.err());
            if (moment.heard)
                CHECK(end->exit == 0);
            CHECK_FALSE(exists(start.control));
            CHECK_FALSE(exists(start.control + ".lock"));
            expect_no_orphans("ostlerd");
        }
}
