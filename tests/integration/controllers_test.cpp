// SPDX-License-Identifier: MIT
// Pools of the spec that control others: `controller: [POOL, …]`. The test takes over the control
// connection that such a worker was born with, or lets `ostler` and ostler::Cluster find it.
#include <cerrno>
#include <csignal>
#include <fstream>
#include <pwd.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/integration/controlled.hpp"
#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler;
using namespace ostler::test;
using boost::json::object;
using boost::json::value;
using Catch::Contains;
using control::Answer;
using control::Client;

namespace
{

// Three pools of programs that only live, and their controller, which is one as well; with `each`
// in the entry of the controller.
std::string pools(const std::string& each = "")
{
    const std::string sleeper = "{protocol: none, exec: /bin/sleep, args: [\"600\"]}\n";
    return "pools:\n  ctl:\n    protocol: none\n    exec: /bin/sleep\n    args: [\"600\"]\n"
           "    controller: [a, b]\n" +
           indented(each, "    ") + "  a: " + sleeper + "  b: " + sleeper + "  c: " + sleeper;
}

// A copy of the connection that this worker was born with.
os::UniqueFd born_with(pid_t worker)
{
    const std::string number = environment_of(worker).at("OSTLER_CONTROL_FD");
    const os::UniqueFd pidfd{os::adopt, static_cast<int>(::syscall(SYS_pidfd_open, worker, 0))};
    return {os::adopt,
            static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), std::stoi(number), 0))};
}

class Controller
{
public:
    explicit Controller(os::UniqueFd connection)
        : client_{control::Connection{std::move(connection), "the test"}}
    {
    }
    Answer ask(const char* verb, object arguments = {}, Client::Listening listening = {})
    {
        return ask_within(verb, std::move(arguments), std::move(listening), patience);
    }
    // Asks, and does not wait.
    [[nodiscard]] bool start(const char* verb, object arguments)
    {
        return ask_within(verb, std::move(arguments), {}, Client::Clock::duration{0}).exit ==
               exit_timeout;
    }
    // A further connection; not valid where it is refused.
    os::UniqueFd connect()
    {
        os::UniqueFd fresh;
        Client::Listening listening;
        listening.returned = [&](os::UniqueFd descriptor) { fresh = std::move(descriptor); };
        refusal_ = ask("connect", {}, listening).message;
        return fresh;
    }
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

private:
    Answer ask_within(const char* verb, object arguments, const Client::Listening& listening,
                      Client::Clock::duration within)
    {
        return client_.request(verb, std::move(arguments), Client::Clock::now() + within,
                               listening);
    }

    Client client_;
    std::string refusal_;
};

// Once its program runs: before that its environment is the launcher's.
Controller controller(const Daemon& d, unsigned slot = 0)
{
    REQUIRE(eventually([&] {
        return d.row("ctl", slot).pid &&
               environment_of(*d.row("ctl", slot).pid).contains("OSTLER_CONTROL_FD");
    }));
    return Controller{born_with(*d.row("ctl", slot).pid)};
}

std::vector<std::string> names(const value& rows)
{
    std::vector<std::string> all;
    for (const value& row : rows.as_array())
        all.emplace_back(row.at("name").as_string());
    return all;
}

// True once the other end has closed; what was said before is skipped.
bool ends(const os::UniqueFd& connection)
{
    return eventually([&] {
        char byte = 0;
        const auto got = ::recv(connection.get(), &byte, 1, MSG_DONTWAIT);
        return got == 0 || (got < 0 && errno != EAGAIN);
    });
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("for a controller of the spec there are no pools but its own", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    Controller ctl = controller(d);
    const Answer version = ctl.ask("version");
    CHECK(version.data.at("role").as_string() == "administer");
    CHECK(version.data.at("pools") == value({"a", "b"}));
    CHECK(names(ctl.ask("status").data.at("pools")) == Names{"a", "b"});

    const Answer other = ctl.ask("status", {{"pool", "c"}});
    CHECK(other.exit == exit_failed);
    CHECK(other.message == "there is no pool or worker \"c\"; the pools are: a, b");
    for (const char* verb : {"fork", "setup", "start", "stop"}) {
        INFO(verb);
        const Answer answer = ctl.ask(verb, {{"pool", "c"}});
        CHECK(answer.exit == exit_failed);
        CHECK_THAT(answer.message, Contains("there is no pool or worker \"c\""));
    }
    CHECK(ctl.ask("scale", {{"pool", "ctl"}, {"workers", 0}}).exit == exit_failed);
    for (const char* verb : {"events", "logs", "messages"}) {
        INFO(verb);
        CHECK(ctl.ask(verb, {{"target", "c"}}).exit == exit_failed);
    }
    const Row outside = d.row("c");
    for (const char* verb : {"kill", "disconnect"}) {
        INFO(verb);
        CHECK(ctl.ask(verb, {{"worker", std::to_string(*outside.id)}}).exit == exit_failed);
        CHECK(ctl.ask(verb, {{"worker", "c/0"}}).exit == exit_failed);
    }
    CHECK(ctl.ask("restart", {{"target", "c/0"}}).exit == exit_failed);
    CHECK(d.row("c").pid == outside.pid);
    CHECK(ctl.ask("wait-ready").exit == exit_done);
}

TEST_CASE("a controller of the spec administers its pools", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    Controller ctl = controller(d);
    const pid_t a = *d.row("a").pid;
    const pid_t c = *d.row("c").pid;
    CHECK(ctl.ask("setup", {{"pool", "a"}, {"settings", {{"args", {"601"}}}}}).exit == exit_done);
    const Answer forked = ctl.ask("fork", {{"pool", "a"}});
    REQUIRE(forked.exit == exit_done);
    const auto pid = static_cast<pid_t>(forked.data.at("pid").as_int64());
    CHECK(eventually([&] { return command_line(pid) == "/bin/sleep 601 "; }));
    CHECK(ctl.ask("scale", {{"pool", "b"}, {"workers", 2}}).exit == exit_done);
    CHECK(ctl.ask("kill", {{"worker", "b/0"}, {"signal", "SIGKILL"}}).exit == exit_done);
    CHECK(eventually([&] { return d.row("b", 0).restarts == 1; }));
    CHECK(ctl.ask("restart").exit == exit_done); // every pool that it sees
    CHECK_FALSE(alive(a));
    CHECK(alive(c));
    CHECK(d.logs("control: fork  controller=ctl/0 worker="));
}

TEST_CASE("what is of the daemon as a whole is not for a controller of the spec", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    Controller ctl = controller(d);
    const Answer reload = ctl.ask("reload");
    CHECK(reload.exit == exit_not_permitted);
    CHECK(reload.message ==
          "controller ctl/0 may not reload the daemon: it administers these pools alone: a, b");
    const Answer stop = ctl.ask("stop");
    CHECK(stop.exit == exit_not_permitted);
    CHECK_THAT(stop.message, Contains("may not stop the daemon"));
    CHECK(d.up());
}

TEST_CASE("a controller of the spec hears of its pools alone", "[controllers]")
{
    Daemon d{puppet_pools("a c", "stdout: log") +
             "  ctl: {protocol: none, exec: /bin/sleep, args: [\"600\"], controller: [a]}\n"};
    d.ready();
    Controller ctl = controller(d);
    Puppet a{d, "a"};
    Puppet c{d, "c"};
    std::set<std::string> heard;
    Client::Listening listening;
    listening.event =
        listening.line = [&](const object& body) { heard.emplace(body.at("pool").as_string()); };
    CHECK(ctl.ask("events", {}, listening).exit == exit_done);
    CHECK(ctl.ask("logs", {}, listening).exit == exit_done);
    CHECK(heard == std::set<std::string>{"a"});
    CHECK(names(ctl.ask("status").data.at("sockets")) == Names{"a"});

    // To all that it sees, and that is one.
    const Answer sent = ctl.ask("send", {{"text", "to all of yours"}});
    CHECK(sent.data.at("sent") == value(1));
    CHECK(a.next() == "message from=0:0: content=0 size=15 fd=-1 text=to all of yours");
    d.must("send c 1");
    CHECK(c.next() == "message from=0:0: content=0 size=1 fd=-1 text=1"); // the first it hears
}

TEST_CASE("what a controller of the spec starts runs as its own user or the pool's",
          "[controllers]")
{
    if (::geteuid() != 0)
        FAIL("needs root, to have more than one user");
    Daemon d{pools("user: nobody")};
    d.ready();
    Controller ctl = controller(d);
    const auto set_up = [&](const char* user) {
        return ctl.ask("setup", {{"pool", "a"}, {"settings", {{"uid", user}}}});
    };
    const Answer refused = set_up("games");
    CHECK(refused.exit == exit_not_permitted);
    CHECK_THAT(refused.message, Contains("controller ctl/0 may start workers as nobody, which is "
                                         "its own user, or as the daemon's own user, which is that "
                                         "of pool a"));
    CHECK_THAT(refused.message, Contains("not as games"));
    CHECK(set_up("nobody").exit == exit_done);
    const Answer forked = ctl.ask("fork", {{"pool", "a"}});
    REQUIRE(forked.exit == exit_done);
    const auto pid = static_cast<pid_t>(forked.data.at("pid").as_int64());
    const std::string nobody = std::to_string(::getpwnam("nobody")->pw_uid);
    CHECK(eventually([&] { return status_field(pid, "Uid").starts_with(nobody); }));

    // What an administrator has set up it cannot make use of.
    auto root = std::get<Client>(Client::connect(d.control()));
    CHECK(root.request("setup", {{"pool", "a"}, {"settings", {{"uid", "games"}}}}).exit ==
          exit_done);
    CHECK(ctl.ask("fork", {{"pool", "a"}}).exit == exit_not_permitted);
    CHECK(root.request("fork", {{"pool", "a"}}).exit == exit_done);
}

TEST_CASE("a controller of the spec may have more connections, up to a limit", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    Controller ctl = controller(d);
    std::vector<os::UniqueFd> more;
    for (int i = 1; i < 64; ++i)
        more.push_back(ctl.connect());
    CHECK(std::ranges::all_of(more, &os::UniqueFd::valid));
    CHECK_FALSE(ctl.connect().valid());
    CHECK_THAT(ctl.refusal(), Contains("a controller has at most 64 connections"));
    more.erase(more.begin());
    CHECK(eventually([&] { return ctl.connect().valid(); }));
    CHECK(names(Controller{std::move(more.back())}.ask("status").data.at("pools")) ==
          Names{"a", "b"});
    CHECK(d.up()); // there is room for others
}

TEST_CASE("a client of the control socket is given no further connection", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    auto client = std::get<Client>(Client::connect(d.control()));
    const Answer answer = client.request("connect", {}, Client::Clock::now() + patience);
    CHECK(answer.exit == exit_failed);
    CHECK_THAT(answer.message, Contains("connect to the control socket"));
}

TEST_CASE("the connections of a controller end with it, whoever holds them", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    const pid_t worker = *d.row("ctl").pid;
    Controller ctl = controller(d);
    const os::UniqueFd first = born_with(worker);
    const os::UniqueFd second = ctl.connect();
    const auto before = descriptors_of(d.master()).size();
    CHECK(::kill(worker, SIGKILL) == 0);
    CHECK(ends(first));
    CHECK(ends(second));
    REQUIRE(eventually([&] { return d.row("ctl").pid && d.row("ctl").pid != worker; }));
    CHECK(controller(d).ask("version").exit == exit_done); // the next has its own
    CHECK(eventually([&] { return descriptors_of(d.master()).size() <= before; }));
}

TEST_CASE("what a controller had asked for when it died is not done for who survives it",
          "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    const pid_t worker = *d.row("ctl").pid;
    Controller ctl = controller(d);
    Controller more{ctl.connect()};
    const pid_t master = d.master();
    const os::UniqueFd connection = born_with(worker);
    CHECK(::kill(master, SIGSTOP) == 0); // so that these wait until it is dead
    for (const char* verb : {"connect", "fork"})
        REQUIRE(more.start(verb, {{"pool", "a"}}));
    CHECK(::kill(worker, SIGKILL) == 0);
    CHECK(eventually([&] { return !alive(worker); }));
    CHECK(::kill(master, SIGCONT) == 0);
    REQUIRE(eventually([&] { return d.up() && d.row("ctl").pid != worker; }));
    CHECK(ends(connection));
    CHECK_FALSE(more.connect().valid());
}

TEST_CASE("who controls a controller does not control its pools", "[controllers]")
{
    Daemon d{"pools:\n"
             "  a: {protocol: none, exec: /bin/sleep, args: [\"600\"], workers: 0}\n"
             "  mid: {protocol: none, exec: /bin/sleep, args: [\"600\"], controller: [a]}\n"
             "  ctl: {protocol: none, exec: /bin/sleep, args: [\"600\"], controller: [mid]}\n"};
    d.ready();
    Controller ctl = controller(d);
    const auto controls = [&](const Answer& forked) {
        const auto pid = static_cast<pid_t>(forked.data.at("pid").as_int64());
        CHECK(eventually([&] { return command_line(pid).starts_with("/bin/sleep"); }));
        return environment_of(pid).contains("OSTLER_CONTROL_FD");
    };
    CHECK_FALSE(controls(ctl.ask("fork", {{"pool", "mid"}})));
    auto root = std::get<Client>(Client::connect(d.control()));
    CHECK(controls(root.request("fork", {{"pool", "mid"}})));
    // Nor when somebody else starts what it has chosen.
    CHECK(ctl.ask("setup", {{"pool", "mid"}, {"settings", {{"args", {"601"}}}}}).exit == exit_done);
    CHECK_FALSE(controls(root.request("fork", {{"pool", "mid"}})));
}

TEST_CASE("a reload that changes whom a pool controls gives it a new connection", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    const os::UniqueFd before = born_with(*d.row("ctl").pid);
    std::string spec = pools();
    spec.replace(spec.find("[a, b]"), 6, "[c]");
    d.write_spec(spec);
    d.must("reload");
    CHECK(ends(before));
    const auto slot = static_cast<unsigned>(d.rows("ctl").front().slot);
    CHECK(names(controller(d, slot).ask("status").data.at("pools")) == Names{"c"});
}

TEST_CASE("whom a pool controls is checked", "[controllers]")
{
    struct Case {
        std::string list, expected;
    };
    const auto each =
        GENERATE(Case{"[a, x]", ":6:21: pools.ctl.controller[1]: there is no pool \"x\""},
                 Case{"[a, ctl]", ":6:21: pools.ctl.controller[1]: a pool does not control itself"},
                 Case{"[a, a]", ":6:21: pools.ctl.controller[1]: pool \"a\" is listed twice"},
                 Case{"a", ":6:17: pools.ctl.controller: expected a list of names of pools"});
    const Scratch scratch;
    std::string spec = pools();
    spec.replace(spec.find("[a, b]"), 6, each.list);
    std::ofstream{scratch / "ostler.yaml"} << spec;
    const Ran check = run({ostler_program, "check", scratch / "ostler.yaml"});
    CHECK(check.exit == exit_config);
    CHECK_THAT(check.out + check.err, Contains(each.expected));
}

TEST_CASE("a Cluster in a controller of the spec has a connection of its own", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    const Controller ctl = controller(d);
    const os::UniqueFd connection = born_with(*d.row("ctl").pid);
    ::setenv("OSTLER_CONTROL_FD", std::to_string(connection.get()).c_str(), 1);
    Cluster a{"a"};
    Cluster b{"b"};
    CHECK(a.workers().size() == 1);
    CHECK(b.fork().process().pid().has_value());
    CHECK_THROWS_WITH(Cluster{"c"}, Contains("there is no pool or worker \"c\""));

    // Programs that it starts share the one that it was born with.
    std::vector<std::unique_ptr<Child>> programs;
    programs.reserve(8);
    for (int i = 0; i < 8; ++i)
        programs.push_back(std::make_unique<Child>(
            Words{ostler_program, "fork", "a"},
            Child::Settings{.env = {{"OSTLER_CONTROL_FD", "3"}}, .fds = {connection.get()}}));
    for (const auto& program : programs)
        CHECK(program->wait(patience)->exit == 0);
    ::unsetenv("OSTLER_CONTROL_FD");
    CHECK(a.run_until([&] { return a.workers().size() == 9; }, patience));
}

TEST_CASE("what OSTLER_CONTROL_FD names must be a control connection", "[controllers]")
{
    const char* number = GENERATE("three", "-1", "0", "999");
    const Ran status = run({ostler_program, "status"},
                           {.env = {{"OSTLER_CONTROL_FD", number}, {"PATH", "/usr/bin"}}});
    CHECK(status.exit == exit_usage);
    CHECK_THAT(status.err, Contains(std::string{"OSTLER_CONTROL_FD="} + number + " "));
}

TEST_CASE("ostler finds the daemon of the controller that runs it", "[controllers]")
{
    Daemon d{pools()};
    d.ready();
    const std::string forks =
        "for i in 1 2 3; do " + ostler_program + " fork a & done; wait; " + ostler_program +
        " status > DIR/status.new; mv DIR/status.new DIR/status; exec sleep 600";
    d.write_spec(d.fill("pools:\n  ctl: {protocol: none, exec: /bin/sh, args: [-c, \"" + forks +
                        "\"], controller: [a]}\n"
                        "  a: {protocol: none, exec: /bin/sleep, args: [\"600\"]}\n"
                        "  c: {protocol: none, exec: /bin/sleep, args: [\"600\"]}\n"));
    d.must("reload");
    REQUIRE(eventually([&] { return std::ifstream{d / "status"}.good(); }));
    std::stringstream status;
    status << std::ifstream{d / "status"}.rdbuf();
    CHECK_THAT(status.str(), Contains("a/3"));
    CHECK_THAT(status.str(), !Contains("c/0"));
}
