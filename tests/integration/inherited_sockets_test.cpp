// SPDX-License-Identifier: MIT
// Sockets that the daemon's service manager has opened: `listen: "systemd:NAME"`, and workers that
// ask for them by number.
#include <cerrno>

#include "tests/integration/asked.hpp"
#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

// Opens sockets by these names for the daemon, and starts it. "--pid=1" first: for another process.
Daemon::Settings activated(const std::string& names)
{
    Words words{"python3", std::string{worker_scripts} + "/activate.py"};
    std::istringstream all{names};
    for (std::string name; all >> name;)
        words.push_back(name);
    words.emplace_back("--");
    return {.through = words};
}

std::string web_from(const std::string& name, const std::string& more = "")
{
    return web_pool("", "listen: \"systemd:" + name + "\"\n" + more);
}

std::string why_it_fails(Daemon& d)
{
    const auto ended = d.ended();
    REQUIRE(ended);
    CHECK(ended->exit > 0);
    return d.log();
}

} // namespace

TEST_CASE("a socket of the service manager serves, by its name", "[inherited]")
{
    Daemon d{web_from("web", "scheduling: round-robin"), activated("other web")};
    d.ready();
    CHECK(get(d.at("web")).whole);
    CHECK_FALSE(d.must("status").out.empty());
}

TEST_CASE("a socket that was not passed is an error that says which were", "[inherited]")
{
    Daemon d{web_from("web"), activated("http admin")};
    CHECK_THAT(why_it_fails(d), Contains("no socket by the name \"web\", but http, admin"));
}

TEST_CASE("a name that was passed twice means neither", "[inherited]")
{
    Daemon d{web_from("web"), activated("web web")};
    CHECK_THAT(why_it_fails(d), Contains("several sockets by the name \"web\""));
}

TEST_CASE("sockets that were passed to another process are not ours", "[inherited]")
{
    Daemon d{web_from("web"), activated("--pid=1 web")};
    CHECK_THAT(why_it_fails(d), Contains("no socket was passed to the daemon"));
}

TEST_CASE("it stays open while the spec does not name it", "[inherited]")
{
    Daemon d{web_from("web"), activated("web")};
    d.ready();
    const Endpoint where = d.at("web");
    d.write_spec(d.fill(web_pool()));
    d.must("reload");
    REQUIRE(d.at("web").port() != where.port());
    CHECK(takes_connections(where)); // in the kernel's queue
    d.write_spec(d.fill(web_from("web")));
    d.must("reload");
    CHECK(d.at("web").port() == where.port());
    CHECK(get(where).whole);
}

TEST_CASE("row 6: a worker's fd:N is a number of the service manager, never a descriptor of ours",
          "[inherited][asked]")
{
    std::string spec = puppet_pools("a b");
    const std::string of_spec = "a: {listen: \"tcp://127.0.0.1:0\"}";
    spec.replace(spec.find(of_spec), of_spec.size(), "a: {listen: \"systemd:web\"}");
    Daemon d{spec, activated("other web")};
    d.ready();
    const std::string of_a = "tcp://127.0.0.1:" + std::to_string(d.at("a").port());
    {
        Puppet a{d, "a"}, b{d, "b"};
        CHECK(listen(a, "fd:4").rc() == -EADDRINUSE); // it has it already, by its name
        CHECK(a.ask("unlisten 0") == "0");
        const Asked web = listen(a, "fd:4");
        REQUIRE(web.ok());
        CHECK(web.address() == of_a);
        // Not of the spec, not of its pool, no socket, no number.
        for (const char* number : {"fd:3", "fd:5", "fd:0", "fd:1", "fd:-1", "fd:1000000"})
            CHECK(listen(a, number).rc() == -EINVAL);
        CHECK(listen(b, "fd:4").rc() == -EINVAL);
        CHECK(listen(b, any_port).ok());
        CHECK(a.ask("connected") == "1");
    }
    CHECK(who_serves(Endpoint{of_a}).size() == 1);
    CHECK(d.row("a").restarts == 0);
}
