// SPDX-License-Identifier: MIT
// What a controller sets up for the workers that it forks, and for none but those.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"
#include "tests/integration/puppet.hpp"
#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/proc.hpp"

using namespace ostler;
using namespace ostler::test;
using boost::json::array;
using boost::json::object;
using boost::json::value;
using Catch::Contains;
using control::Answer;
using control::Client;
using Numbers = std::vector<int>;

namespace
{

// One connection of a program that may do everything.
class Controller
{
public:
    explicit Controller(const Daemon& d)
        : client_{std::get<Client>(Client::connect(d.control(), Client::Clock::now() + patience))}
    {
    }
    Answer ask(const char* verb, object arguments)
    {
        return client_.request(verb, std::move(arguments), Client::Clock::now() + patience);
    }
    Answer set_up(value settings)
    {
        return ask("setup", {{"pool", "job"}, {"settings", std::move(settings)}});
    }
    object settings() { return settings_in(set_up(nullptr)); }
    object settings_after(value changes) { return settings_in(set_up(std::move(changes))); }
    pid_t fork(object env = {})
    {
        const Answer answer = ask("fork", {{"pool", "job"}, {"env", std::move(env)}});
        INFO(answer.message);
        REQUIRE(answer.exit == exit_done);
        return static_cast<pid_t>(answer.data.at("pid").as_int64());
    }

private:
    static object settings_in(const Answer& answer)
    {
        INFO(answer.message);
        REQUIRE(answer.exit == exit_done);
        return answer.data.at("settings").as_object();
    }
    Client client_;
};

std::string link(pid_t pid, const std::string& name)
{
    return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/" + name).string();
}

// It has its number before it has its folder, and its program after that.
bool works_in(pid_t pid, const std::string& folder)
{
    return eventually([&] { return link(pid, "cwd") == folder; });
}
bool becomes(pid_t pid, const std::string& line)
{
    return eventually([&] { return command_line(pid) == line + " "; });
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

TEST_CASE("each worker has a port of its own, and so have forks", "[setup]")
{
    Daemon d{plain_pool("exec: /bin/sleep\nargs: [\"600\", \"${OSTLER_PORT_DEBUG}\"]\n"
                        "ports: {debug: {base: 65535}}\nworkers: 2")};
    d.ready();
    CHECK(becomes(d.pids("job")[0], "/bin/sleep 600 65535"));
    CHECK(becomes(d.pids("job")[1], "/bin/sleep 600 1024")); // behind the last
    CHECK(environment_of(d.pids("job")[1]).at("OSTLER_PORT_DEBUG") == "1024");

    Controller controller{d};
    CHECK(becomes(controller.fork(), "/bin/sleep 600 1025"));
    const object settings = controller.settings_after({{"ports", {{"debug", {{"base", 2000}}}}}});
    CHECK(settings.at("ports") == value({{"debug", {{"base", 2000}}}}));
    CHECK(becomes(controller.fork(), "/bin/sleep 600 2003"));
    const Answer unknown = controller.set_up({{"args", {"${OSTLER_PORT_X}"}}});
    CHECK(unknown.exit == exit_usage);
    CHECK(unknown.message == "settings: ${OSTLER_PORT_X} is used, and `ports` has no such entry");
}

namespace
{

// The setting, and descriptors that come along.
Answer set_up_with(const Daemon& d, object settings, std::vector<int> lent)
{
    auto client = std::get<Client>(Client::connect(d.control()));
    control::Message request{.body = {{"verb", "setup"}, {"pool", "job"}, {"settings", settings}}};
    for (const int fd : lent)
        request.further.emplace_back(os::adopt, ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return client.request(std::move(request), Client::Clock::now() + patience);
}

Numbers numbers_of(pid_t pid)
{
    Numbers numbers;
    for (const auto& [number, what] : descriptors_of(pid))
        numbers.push_back(number);
    return numbers;
}

struct Pipe {
    Pipe()
    {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    std::string heard(std::size_t bytes)
    {
        std::string all;
        for (char c = 0; all.size() < bytes && ::read(read.get(), &c, 1) == 1;)
            all += c;
        return all;
    }
    os::UniqueFd read, write;
};

} // namespace

TEST_CASE("stdio gives forks descriptors of the controller's", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Pipe to;
    Pipe from;
    const Answer done = set_up_with(
        d,
        {{"exec", "/bin/sh"},
         {"args", {"-c", "read line; echo out $line; echo err >&2; echo five >&5; exec sleep 600"}},
         {"stdio", {0, 1, 1, nullptr, "ignore", 1}}},
        {to.read.get(), from.write.get()});
    REQUIRE(done.message == "");
    CHECK(done.data.at("settings").as_object().at("stdio") ==
          value({"descriptor", "descriptor", "descriptor", nullptr, nullptr, "descriptor"}));
    Controller controller{d};
    const pid_t pid = controller.fork();
    REQUIRE(::write(to.write.get(), "hello\n", 6) == 6);
    CHECK(from.heard(19) == "out hello\nerr\nfive\n");
    CHECK(eventually([&] { return numbers_of(pid) == Numbers{0, 1, 2, 5}; }));

    // Each fork has them, until they are set up anew; then the daemon has let go of its copies.
    const pid_t second = controller.fork();
    CHECK(eventually([&] { return descriptors_of(second).contains(5); }));
    CHECK(controller.settings_after({{"stdio", nullptr}, {"args", {"-c", "exit 0"}}}).at("stdio") ==
          value({"ignore", "pipe", "pipe"}));
    to.read.reset();
    CHECK(::kill(pid, SIGKILL) == 0);
    CHECK(::kill(second, SIGKILL) == 0);
    from.write.reset();
    CHECK(from.heard(1).empty()); // nobody holds its other end
}

TEST_CASE("what is wrong with stdio is said, and changes nothing", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    struct Case {
        value stdio;
        std::size_t descriptors;
        std::string expected;
    };
    const auto each = GENERATE(
        Case{"pipe", 0,
             "settings.stdio: expected a list like [ignore, pipe, pipe, ipc], found \"pipe\""},
        Case{{"pipe"},
             0,
             "settings.stdio[0]: a worker's standard input is /dev/null or a descriptor"},
        Case{{"nul"}, 0, "settings.stdio[0]: expected ignore, or the number of a descriptor"},
        Case{
            {nullptr, "pip"}, 0, "settings.stdio[1]: expected pipe, inherit, ignore or the number"},
        Case{{0}, 0, "settings.stdio[0]: no descriptors came along"},
        Case{
            {nullptr, 2}, 2, "settings.stdio[1]: expected a whole number from 0 to 1, found \"2\""},
        Case{{nullptr, -1}, 2, "settings.stdio[1]: expected a whole number from 0 to 1"},
        Case{{nullptr, nullptr, nullptr, "ipc"},
             0,
             "settings.stdio[3]: a program with `protocol: none` has no channel"},
        Case{{nullptr, nullptr, nullptr, "pipe"}, 0, "settings.stdio[3]: expected ipc, ignore or"},
        Case{{"descriptor"}, 1, "settings.stdio[0]: stands for a descriptor that the daemon has"},
        Case{nullptr, 1, "descriptors come with `stdio`"},
        Case{array(65, nullptr), 0, "settings.stdio: has more than 64 entries"});
    const Answer answer =
        set_up_with(d, {{"stdio", each.stdio}}, std::vector<int>(each.descriptors, STDIN_FILENO));
    CHECK(answer.exit == exit_usage);
    CHECK_THAT(answer.message, Contains(each.expected));
    const Answer none = set_up_with(d, {{"args", array{}}}, {STDIN_FILENO});
    CHECK(none.exit == exit_usage);
    CHECK_THAT(none.message, Contains("descriptors come with `stdio`"));
    CHECK(Controller{d}.settings().at("stdio") == value({"ignore", "pipe", "pipe"}));
}

TEST_CASE("more descriptors than a request may bring end the connection alone", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    CHECK(set_up_with(d, {{"stdio", {15}}}, std::vector<int>(16, STDIN_FILENO)).exit == exit_done);
    const Answer many = set_up_with(d, {{"stdio", {16}}}, std::vector<int>(17, STDIN_FILENO));
    CHECK(many.exit == exit_usage);
    CHECK_THAT(many.message, Contains("at most 16"));
    CHECK(d.up());
}

TEST_CASE("a descriptor may stand at every place of stdio", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    REQUIRE(set_up_with(d, {{"stdio", array(64, 0)}}, {STDIN_FILENO}).exit == exit_done);
    const pid_t pid = Controller{d}.fork();
    CHECK(eventually([&] { return numbers_of(pid).size() == 64; }));
}

TEST_CASE("a port that is not there is refused in the environment of a fork", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    const Answer answer =
        controller.ask("fork", {{"pool", "job"}, {"env", {{"A", "${OSTLER_PORT_X}"}}}});
    CHECK(answer.exit == exit_usage);
    CHECK(answer.message == "${OSTLER_PORT_X} is used, and pool job has no such port");
}

TEST_CASE("ipc in stdio says which number the channel has", "[setup]")
{
    Daemon d{puppet_pools("a:0")};
    d.ready();
    auto client = std::get<Client>(Client::connect(d.control()));
    const auto ask = [&](const char* verb, object arguments) {
        return client.request(verb, std::move(arguments), Client::Clock::now() + patience);
    };
    CHECK(ask("setup", {{"pool", "a"},
                        {"settings", {{"stdio", {nullptr, nullptr, nullptr, nullptr, "ipc"}}}}})
              .exit == exit_done);
    CHECK(ask("fork", {{"pool", "a"}}).exit == exit_done);
    Puppet puppet{d, "a"};
    CHECK(environment_of(*d.rows("a").front().pid).at("OSTLER_CHANNEL_FD") == "4");
    CHECK(puppet.id() == "1");
}
