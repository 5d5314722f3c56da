// SPDX-License-Identifier: MIT
// `ostler run`: a pool in the foreground, which ends with what it was started from.
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>

#include "ipc/control/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler::test;
namespace control = ostler::control;

namespace
{

// Two ends of a terminal; whoever holds the inside sees it go when the outside is closed.
struct Terminal {
    ostler::os::UniqueFd outside{ostler::os::adopt, ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    ostler::os::UniqueFd inside;
    Terminal()
    {
        REQUIRE(::grantpt(outside.get()) == 0);
        REQUIRE(::unlockpt(outside.get()) == 0);
        inside.reset(::open(::ptsname(outside.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        REQUIRE(inside.valid());
    }
};

// `ostler run`, one worker on a socket of its own, through another program or not.
class Run
{
public:
    explicit Run(const Words& through = {}, int input = -1)
    {
        become_subreaper();
        Words argv = through;
        argv.insert(argv.end(), {ostler_program, "run", "-l", web_, "--", worker_program});
        child_.emplace(argv, Child::Settings{.env = {{"XDG_RUNTIME_DIR", scratch_.path()},
                                                     {"OSTLER_SOCKET", control_}},
                                             .input = input});
        REQUIRE(eventually([&] { return exists(scratch_ / "web.sock") && answers(); }));
        keeper_ = keeper_in_status();
    }
    [[nodiscard]] Child& child() { return *child_; }
    [[nodiscard]] bool answers() const { return get(Endpoint{web_}, "/", 1s).whole; }
    [[nodiscard]] Endpoint web() const { return Endpoint{web_}; }
    // All of it, and by itself.
    [[nodiscard]] bool gone() const
    {
        return eventually([&] { return !alive(keeper_); }) && !exists(control_) &&
               !exists(scratch_ / "web.sock");
    }

private:
    [[nodiscard]] pid_t keeper_in_status() const
    {
        auto client = std::get<control::Client>(control::Client::connect(control_));
        const auto answer = client.request("status", {}, Clock::now() + patience);
        return answer.data.at("daemon").at("keeper_pid").to_number<pid_t>();
    }
    Scratch scratch_;
    std::string web_ = "unix:" + (scratch_ / "web.sock");
    std::string control_ = scratch_ / "control.sock";
    std::optional<Child> child_;
    pid_t keeper_ = 0;
};

} // namespace

TEST_CASE("run ends with its terminal, and all that it started with it", "[run]")
{
    Terminal terminal;
    // A session of its own, which this terminal controls.
    Run run{Words{"setsid", "--ctty", "--wait"}, terminal.inside.get()};
    terminal.inside.reset();
    terminal.outside.reset();
    const auto end = run.child().wait();
    REQUIRE(end);
    CHECK(end->exit == 0);
    CHECK(run.gone());
    expect_no_orphans("ostler run");
}

TEST_CASE("run that is killed -9 takes its daemon along, which drains", "[run]")
{
    Run run;
    HttpClient slow{run.web()};
    slow.ask("/slow/500");
    HttpClient taken_later{run.web()}; // the one before was taken when this is answered
    taken_later.ask();
    REQUIRE(taken_later.answer().whole);
    run.child().signal(SIGKILL);
    CHECK(slow.answer().whole);
    CHECK(run.gone());
    expect_no_orphans("a killed ostler run");
}

TEST_CASE("run passes on what ends it, and a hangup is an end", "[run]")
{
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) {
        CAPTURE(number);
        Run run;
        run.child().signal(number);
        const auto end = run.child().wait();
        REQUIRE(end);
        CHECK(end->exit == 0);
        CHECK(run.gone());
        expect_no_orphans("ostler run");
    }
}

TEST_CASE("run under nohup does not hear of a hangup", "[run]")
{
    Run run{Words{"nohup"}};
    run.child().signal(SIGHUP);
    CHECK(throughout(300ms, [&] { return run.child().running(); }));
    CHECK(run.answers());
    run.child().signal(SIGTERM);
    const auto end = run.child().wait();
    REQUIRE(end);
    CHECK(end->exit == 0);
    expect_no_orphans("ostler run");
}
