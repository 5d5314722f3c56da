// SPDX-License-Identifier: MIT
// What a controller sets up for the workers that it forks, and for none but those.
#include <csignal>
#include <filesystem>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/os/packet.hpp"
#include "tests/integration/setup.hpp"
#include "tests/integration/specs.hpp"

using namespace ostler;
using namespace ostler::test;
using Catch::Contains;

namespace
{

std::string link(pid_t pid, const std::string& name)
{
    return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/" + name).string();
}

// It has its number before it has its folder, and its program after that.
bool works_in(pid_t pid, const std::string& folder)
{
    return eventually([&] { return link(pid, "cwd") == folder; });
}
} // namespace

TEST_CASE("row 43: each setup is merged over the settings before, which begin as the spec's",
          "[setup]")
{
    Daemon d{plain_pool("env: {COLOUR: red}\nworkers: 0")};
    d.ready();
    Controller controller{d};
    const object defaults = controller.settings();
    CHECK(defaults.at("exec") == "/bin/sleep");
    CHECK(defaults.at("args") == array{"600"});
    CHECK(defaults.at("execArgv") == array{});
    CHECK(defaults.at("cwd") == value(d.dir()));
    CHECK(defaults.at("env") == object{{"COLOUR", "red"}});
    CHECK(defaults.at("uid") == nullptr);
    CHECK(defaults.at("gid") == nullptr);
    CHECK(defaults.at("silent") == true);

    object expected = defaults;
    expected["args"] = array{"601"};
    CHECK(controller.settings_after({{"args", {"601"}}}) == expected);
    expected["cwd"] = "/";
    CHECK(controller.settings_after({{"cwd", "/"}}) == expected);
    CHECK(controller.settings_after(object{}) == expected);
    CHECK(Controller{d}.settings() == expected); // they are the pool's, not the connection's
    expected["args"] = array{"600"};
    CHECK(controller.settings_after({{"args", nullptr}}) == expected);
}

TEST_CASE("row 43: setup affects later forks, not what runs nor what the pool starts itself",
          "[setup]")
{
    Daemon d{plain_pool("workers: 1")};
    d.ready();
    Controller controller{d};
    const pid_t first = controller.fork();
    CHECK(becomes(first, "/bin/sleep 600"));
    controller.settings_after({{"args", {"601"}}});
    const pid_t second = controller.fork();
    CHECK(becomes(second, "/bin/sleep 601"));
    CHECK(becomes(first, "/bin/sleep 600"));

    d.must("scale job 2");
    const auto own = d.rows("job");
    REQUIRE(own.size() == 4);
    CHECK(becomes(*own.at(3).pid, "/bin/sleep 600"));
    d.must("restart job/3");
    const auto after = d.rows("job");
    CHECK(becomes(*after.back().pid, "/bin/sleep 600"));
}

TEST_CASE("row 43: the environment of one fork is no setting", "[setup]")
{
    Daemon d{plain_pool("env: {COLOUR: red}\nworkers: 0")};
    d.ready();
    Controller controller{d};
    controller.settings_after({{"env", {{"SIZE", "9"}, {"PRICE", "5$$ ${HOME} ${OSTLER_SLOT}"}}}});
    const auto first = environment_of(controller.fork({{"COLOUR", "blue"}, {"COST", "$$"}}));
    CHECK(first.at("COLOUR") == "blue");
    CHECK(first.at("COST") == "$$");
    CHECK(first.at("SIZE") == "9");
    CHECK(first.at("PRICE") == "5$$ ${HOME} 0"); // a program's text is not the spec's
    const auto second = environment_of(controller.fork());
    CHECK(second.at("COLOUR") == "red");
    CHECK(second.at("SIZE") == "9");
    CHECK_FALSE(second.contains("COST"));
    CHECK_FALSE(controller.settings().at("env").as_object().contains("COST"));
}

TEST_CASE("row 44: exec, args, execArgv and cwd are honoured", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    controller.settings_after({{"exec", "sh"},
                               {"execArgv", {"-e"}},
                               {"args", {"-c", "sleep 600; :", "$0 ${OSTLER_POOL}"}},
                               {"cwd", "/usr"}});
    const pid_t pid = controller.fork();
    const std::string sh = std::string{controller.settings().at("exec").as_string()};
    CHECK(becomes(pid, sh + " -e -c sleep 600; : $0 job"));
    CHECK(link(pid, "cwd") == "/usr");
    CHECK(controller.settings().at("execArgv") == array{"-e"});
    CHECK(controller.settings().at("args") == array{"-c", "sleep 600; :", "$0 ${OSTLER_POOL}"});
}

TEST_CASE("row 44: uid and gid are honoured, by number or name", "[setup]")
{
    Daemon d{plain_pool("workers: 0\nuser: daemon")};
    d.ready();
    Controller controller{d};
    const auto runs_as = [&](const char* field) {
        const pid_t pid = controller.fork();
        REQUIRE(becomes(pid, "/bin/sleep 600"));
        const std::string ids = status_field(pid, field);
        return ids.substr(0, ids.find('\t'));
    };
    const passwd nobody = *::getpwnam("nobody");
    const std::string uid = std::to_string(nobody.pw_uid), gid = std::to_string(nobody.pw_gid);
    const object named = controller.settings_after({{"user", "nobody"}});
    CHECK(named.at("uid") == nobody.pw_uid);
    CHECK(named.at("gid") == nobody.pw_gid); // who is named brings a group along
    CHECK(runs_as("Uid") == uid);
    controller.settings_after({{"gid", 2}}); // and keeps to a group that is named
    CHECK(runs_as("Uid") == uid);
    CHECK(runs_as("Gid") == "2");
    controller.settings_after({{"uid", nullptr}});
    CHECK(runs_as("Uid") == std::to_string(::getpwnam("daemon")->pw_uid));
    CHECK(runs_as("Gid") == "2");
}

TEST_CASE("row 44: what is not silent writes where the daemon does", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    const pid_t quiet = controller.fork();
    CHECK(eventually([&] { return link(quiet, "fd/1").starts_with("pipe:"); }));
    CHECK(controller.settings_after({{"silent", false}}).at("silent") == false);
    const pid_t heard = controller.fork();
    CHECK(eventually([&] { return link(heard, "fd/1") == link(d.keeper(), "fd/1"); }));
    CHECK(link(heard, "fd/2") == link(d.keeper(), "fd/2"));
    CHECK(controller.settings_after({{"silent", true}}).at("silent") == true);
}

TEST_CASE("settings may be given back as they were read", "[setup]")
{
    Daemon d{plain_pool("exec: /bin/sh\nargs: [-c, \"echo said; exec sleep 600\"]\nworkers: 0\n"
                        "stdout: \"file:DIR/out\"\nstderr: inherit")};
    d.ready();
    Controller controller{d};
    const object read = controller.settings();
    CHECK(read.at("silent") == nullptr); // neither: the spec says which file
    CHECK(read.at("stdio") == value({"ignore", nullptr, "inherit"}));
    CHECK(controller.settings_after(read) == read);
    controller.fork();
    CHECK(eventually([&] { return read_file(d / "out") == "said\n"; }));
}

TEST_CASE("a wrong setting changes nothing, and the answer says which and what to do", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    const object before = controller.settings();
    struct Case {
        value settings;
        const char* sentence;
    };
    const Case cases[] = {
        {5, "the argument \"settings\" must be an object"},
        {{{"shell", "x"}}, "settings.shell: there is no such setting; they are exec, "},
        {{{"argv", {"x"}}}, "settings.argv: there is no such setting; did you mean \"args\"?"},
        {{{"umask", nullptr}}, "settings.umask: there is no such setting"},
        {{{"exec", "nothing-like-it"}},
         "settings.exec: no program \"nothing-like-it\" in the PATH"},
        {{{"exec", "./there"}}, "settings.exec: cannot execute "},
        {{{"exec", array{}}}, "settings.exec: expected the path of a program, found a list"},
        {{{"args", "600"}}, "settings.args: expected a list of strings, found \"600\""},
        {{{"args", array{"1", array{}}}}, "settings.args[1]: expected a string, found a list"},
        {{{"args", array{std::string("a\0b", 3)}}}, "settings.args[0]: contains a NUL character"},
        {{{"execArgv", true}}, "settings.execArgv: expected a list of strings, found \"true\""},
        {{{"cwd", "/nowhere"}}, "settings.cwd: there is no folder /nowhere: make it first"},
        {{{"env", {{"A=B", "c"}}}}, "settings.env.A=B: is not the name of a variable"},
        {{{"env", {{"OSTLER_SLOT", "1"}}}}, "settings.env.OSTLER_SLOT: is set by ostlerd"},
        {{{"env", {{"A", nullptr}}}}, "settings.env.A: expected a string"},
        {{{"uid", "no-one"}}, "settings.uid: there is no user \"no-one\" on this machine"},
        {{{"uid", -1}}, "settings.uid: there is no user \"-1\""},
        {{{"gid", "no-group"}}, "settings.gid: there is no group \"no-group\" on this machine"},
        {{{"user", "daemon"}, {"uid", 1}}, "settings.user and settings.uid are the same"},
        {{{"silent", "yes"}}, "settings.silent: expected true or false, found \"yes\""},
        {{{"windowsHide", 1}}, "settings.windowsHide: expected true or false"},
        {{{"serialization", "advanced"}}, "settings.serialization: a channel has no mode"},
        {{{"inspectPort", 9229}},
         "settings.inspectPort: is Node's own: a program that is no Node has no inspector"},
    };
    for (const auto& [settings, sentence] : cases) {
        const Answer answer = controller.set_up(settings);
        INFO(sentence);
        CHECK(answer.exit == exit_usage);
        CHECK_THAT(answer.message, Contains(sentence) && !Contains("\n"));
    }
    CHECK(controller.settings() == before);

    const Answer both = controller.set_up({{"cwd", "/nowhere"}, {"silent", 1}});
    CHECK_THAT(both.message, Contains("settings.cwd: ") && Contains("\nsettings.silent: "));
    CHECK(controller.ask("setup", {{"settings", object{}}}).exit == exit_usage);
    const Answer nobody = controller.ask("setup", {{"pool", "jobs"}});
    CHECK(nobody.exit == exit_failed);
    CHECK_THAT(nobody.message, Contains("there is no pool or worker \"jobs\""));
}

TEST_CASE("settings that mean nothing here are accepted, and the answer says so", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    CHECK_THAT(controller.set_up({{"windowsHide", true}}).message,
               Contains("windowsHide has no effect"));
    CHECK_THAT(controller.set_up({{"serialization", "json"}}).message,
               Contains("serialization has no effect"));
    CHECK(controller.set_up({{"args", {"601"}}}).message.empty());
}

TEST_CASE("row 21: each setup is an event of its pool, and no worker's", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    static_cast<void>(controller.settings());
    static_cast<void>(controller.set_up({{"cwd", "/nowhere"}}));
    CHECK_THAT(d.must("events job").out, !Contains("setup"));
    controller.settings_after({{"args", {"601"}}});
    controller.fork();
    const std::string events = d.must("events job").out;
    CHECK_THAT(events, Contains("setup"));
    CHECK(events.find("setup") < events.find("fork"));
}

TEST_CASE("a fork that was asked for behind a setup is started by it", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    os::UniqueFd socket{os::adopt, ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    d.control().copy(where.sun_path, sizeof where.sun_path - 1);
    REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    const auto say = [&](std::uint32_t number, object body) {
        const control::Message message{control::Type::request, number, std::move(body), {}, {}};
        const auto packets = control::packets_of(message, control::max_request);
        const auto bytes = std::as_bytes(std::span{packets.at(0)});
        REQUIRE(os::send_packet(os::FdRef{socket.get()}, bytes, {}) == 0);
    };
    say(1, {{"verb", "setup"}, {"pool", "job"}, {"settings", {{"args", {"601"}}}}});
    say(2, {{"verb", "fork"}, {"pool", "job"}});
    REQUIRE(eventually([&] { return d.rows("job").size() == 1 && d.row("job").pid; }));
    CHECK(becomes(*d.row("job").pid, "/bin/sleep 601"));
}

TEST_CASE("a reload changes what no setup has said", "[setup]")
{
    const auto pool = [](const std::string& more) { return plain_pool("workers: 0\n" + more); };
    Daemon d{pool("cwd: /usr")};
    d.ready();
    Controller controller{d};
    controller.settings_after({{"args", {"601"}}});
    d.write_spec(pool("cwd: /\nargs: [\"5\"]\nexec: /usr/bin/sleep"));
    d.must("reload");
    const pid_t pid = controller.fork();
    CHECK(becomes(pid, "/usr/bin/sleep 601"));
    CHECK(link(pid, "cwd") == "/");
}

TEST_CASE("settings that are no longer right are an error of the fork", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    std::filesystem::create_directory(d / "folder");
    controller.settings_after({{"cwd", "folder"}}); // relative to the spec's
    CHECK(works_in(controller.fork(), d / "folder"));
    std::filesystem::remove(d / "folder");
    const Answer refused = controller.ask("fork", {{"pool", "job"}});
    CHECK(refused.exit == exit_failed);
    CHECK_THAT(refused.message, Contains("no longer right: settings.cwd: there is no folder"));
    controller.settings_after({{"cwd", nullptr}});
    CHECK(works_in(controller.fork(), d.dir()));
}
