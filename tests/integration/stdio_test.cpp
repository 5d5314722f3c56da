// SPDX-License-Identifier: MIT
// Which descriptors the workers of a controller's fork are born with: `stdio` of setup.
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "tests/integration/puppet.hpp"
#include "tests/integration/setup.hpp"
#include "tests/integration/specs.hpp"

using namespace ostler;
using namespace ostler::test;
using Catch::Contains;
using Numbers = std::vector<int>;

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
