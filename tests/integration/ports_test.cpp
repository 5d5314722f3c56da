// SPDX-License-Identifier: MIT
// A port of its own for each worker: `ports: {NAME: {base: N}}`.
#include "tests/integration/setup.hpp"
#include "tests/integration/specs.hpp"

using namespace ostler;
using namespace ostler::test;

namespace
{

// By slot, of the workers that there are.
std::vector<std::string> ports_of(const Daemon& d, const std::string& pool)
{
    std::vector<std::string> ports;
    for (const Row& row : d.rows(pool))
        if (row.pid &&
            eventually([&] { return environment_of(*row.pid).contains("OSTLER_PORT_DEBUG"); }))
            ports.push_back(environment_of(*row.pid).at("OSTLER_PORT_DEBUG"));
    return ports;
}

using Ports = std::vector<std::string>;

} // namespace

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

TEST_CASE("workers beyond those of the spec get ports that nobody else has", "[setup]")
{
    const std::string other = "  other: {protocol: none, exec: /bin/sleep, args: [\"600\"], "
                              "ports: {debug: {base: 2002}}}\n";
    Daemon d{plain_pool("ports: {debug: {base: 2000}}\nrollout: {min_healthy: 0s}") + other};
    d.ready();
    Controller controller{d};
    controller.fork();
    controller.fork();
    CHECK(ports_of(d, "job") == Ports{"2000", "2001", "2004"}); // other has 2002, and 2003 at times
    d.must("scale job 2");
    CHECK(ports_of(d, "job") == Ports{"2000", "2001", "2004", "2005"});
    d.must("restart");
    CHECK(ports_of(d, "other") == Ports{"2003"}); // a surge has changed places with it
    d.must("restart");
    CHECK(ports_of(d, "other") == Ports{"2002"});

    controller.settings_after({{"ports", {{"debug", {{"base", 2002}}}}}});
    const pid_t set_up = controller.fork();
    REQUIRE(eventually([&] { return environment_of(set_up).contains("OSTLER_PORT_DEBUG"); }));
    const Ports all = ports_of(d, "job");
    CHECK(std::ranges::count(all, environment_of(set_up).at("OSTLER_PORT_DEBUG")) == 1);
    CHECK(std::stoi(environment_of(set_up).at("OSTLER_PORT_DEBUG")) > 2003);
}

TEST_CASE("no worker gets the port of a socket", "[setup]")
{
    Daemon d{plain_pool("workers: 1", "sockets: {web: {listen: \"tcp://127.0.0.1:0\"}}")};
    d.ready();
    const int port = d.at("web").port();
    Controller controller{d};
    controller.settings_after({{"ports", {{"debug", {{"base", port - 1}}}}}}); // slot 1 has it
    const pid_t forked = controller.fork();
    REQUIRE(eventually([&] { return environment_of(forked).contains("OSTLER_PORT_DEBUG"); }));
    CHECK(environment_of(forked).at("OSTLER_PORT_DEBUG") == std::to_string(port + 1));
}

TEST_CASE("a controller may not ask for any number of ports or variables", "[setup]")
{
    Daemon d{plain_pool("workers: 0")};
    d.ready();
    Controller controller{d};
    object many;
    object variables;
    for (int i = 0; i < 1025; ++i) {
        variables["v" + std::to_string(i)] = "1";
        if (i < 65)
            many["p" + std::to_string(i)] = object{{"base", 2000 + 2 * i}};
    }
    CHECK_THAT(controller.set_up({{"ports", many}}).message,
               Catch::Contains("settings.ports: has more than 64 entries"));
    CHECK(controller.ask("fork", {{"pool", "job"}, {"env", variables}}).message ==
          "the argument \"env\" has more than 1024 variables");
}
