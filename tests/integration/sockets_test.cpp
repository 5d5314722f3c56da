// SPDX-License-Identifier: MIT
// Addresses of every kind, bound before anybody serves and kept while they do not change.
#include <cerrno>
#include <csignal>
#include <pwd.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

std::string listening_at(const std::string& address, const std::string& more = "")
{
    return web_pool("", "listen: \"" + address + "\"\n" + more);
}

} // namespace

TEST_CASE("port 0 becomes a free port that status shows", "[sockets]")
{
    Daemon d{web_pool()};
    d.ready();
    CHECK(d.at("web").port() != 0);
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("an IPv6 address serves", "[sockets]")
{
    Daemon d{listening_at("tcp://[::1]:0")};
    d.ready();
    CHECK(get(d.at("web")).whole);
}

TEST_CASE("[::] takes IPv4 as well", "[sockets]")
{
    Daemon d{listening_at("tcp://[::]:0")};
    d.ready();
    const auto port = d.at("web").port();
    CHECK(get(d.at("web")).whole);
    CHECK(get(Endpoint{"tcp://127.0.0.1:0"}.at_port(port)).whole);
}

TEST_CASE("[::] with v6only leaves IPv4 alone", "[sockets]")
{
    Daemon d{listening_at("tcp://[::]:0", "v6only: true")};
    d.ready();
    const auto port = d.at("web").port();
    CHECK(get(d.at("web")).whole);
    CHECK(HttpClient{Endpoint{"tcp://127.0.0.1:0"}.at_port(port)}.error() == ECONNREFUSED);
}

TEST_CASE("an address in use is named, and the process that holds it", "[sockets]")
{
    const auto held = Endpoint{"tcp://127.0.0.1:0"}.listen();
    const std::string address = "127.0.0.1:" + std::to_string(local_port(held.borrow()));
    Daemon d{listening_at("tcp://" + address)};
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit != 0);
    CHECK_THAT(d.log(), Contains(address) && Contains("in use"));
    CHECK_THAT(d.log(), Contains(std::to_string(::getpid())));
}

TEST_CASE("a Unix socket has its mode and owner, and is gone after the end", "[sockets]")
{
    Daemon d{listening_at("unix:DIR/app.sock", "mode: \"0620\"\nowner: nobody")};
    d.ready();
    struct stat about {
    };
    REQUIRE(::stat((d / "app.sock").c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0620);
    CHECK(about.st_uid == ::getpwnam("nobody")->pw_uid);
    CHECK(get(Endpoint{"unix:" + (d / "app.sock")}).whole);
    CHECK(d.stop().exit == 0);
    CHECK_FALSE(exists(d / "app.sock"));
}

TEST_CASE("the socket file of a dead process is taken over", "[sockets]")
{
    const Scratch scratch;
    const Endpoint there{"unix:" + (scratch / "app.sock")};
    {
        const auto died = there.listen();
    }
    REQUIRE(exists(scratch / "app.sock"));
    Daemon d{listening_at("unix:" + (scratch / "app.sock"))};
    d.ready();
    CHECK(get(there).whole);
}

TEST_CASE("the socket file of a living process is refused", "[sockets]")
{
    const Scratch scratch;
    const auto living = Endpoint{"unix:" + (scratch / "app.sock")}.listen();
    Daemon d{listening_at("unix:" + (scratch / "app.sock"))};
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit != 0);
    CHECK_THAT(d.log(), Contains(scratch / "app.sock") && Contains("in use"));
    CHECK(exists(scratch / "app.sock"));
}

TEST_CASE("a file that is no socket is never removed", "[sockets]")
{
    const Scratch scratch;
    write_file(scratch / "app.sock", "precious");
    Daemon d{listening_at("unix:" + (scratch / "app.sock"))};
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->exit != 0);
    CHECK(read_file(scratch / "app.sock") == "precious");
}

TEST_CASE("an abstract Unix socket serves", "[sockets]")
{
    const std::string name = "unix:@ostler-test-" + std::to_string(::getpid());
    Daemon d{listening_at(name)};
    d.ready();
    CHECK(get(Endpoint{name}).whole);
}

TEST_CASE("datagrams are answered by the workers of a UDP socket", "[sockets]")
{
    Daemon d{web_pool("workers: 2", "listen: udp://127.0.0.1:0")};
    d.ready();
    CHECK_THAT(ask_datagram(d.at("web"), "hello"), Contains("\"path\":\"hello\""));
}

TEST_CASE("a pool serves several sockets", "[sockets]")
{
    Daemon d{"sockets:\n"
             "  web: {listen: \"tcp://127.0.0.1:0\"}\n"
             "  admin: {listen: \"unix:DIR/admin.sock\"}\n"
             "pools:\n"
             "  api: {exec: WORKER, sockets: [web, admin]}\n"};
    d.ready();
    CHECK(get(d.at("web")).whole);
    CHECK(get(d.at("admin")).whole);
}

TEST_CASE("a shared socket that a worker shuts down is bound anew on its port", "[sockets]")
{
    Daemon d{web_pool("workers: 2", "scheduling: shared")};
    d.ready();
    const Endpoint before = d.at("web");
    CHECK(get(before, "/shutdown").whole);
    CHECK(eventually([&] { return get(before, "/", 1s).whole; }));
    CHECK(d.at("web").port() == before.port());
    CHECK(d.logs("api/0"));
    CHECK(d.logs("api/1"));
    CHECK(d.all_ready("api", 2));
}

TEST_CASE("a second pool shares the socket of the first", "[sockets]")
{
    Daemon d{"sockets:\n"
             "  web: {listen: \"tcp://127.0.0.1:0\", scheduling: round-robin}\n"
             "pools:\n"
             "  blue: {exec: WORKER, sockets: [web]}\n"
             "  green: {exec: WORKER, sockets: [web]}\n"};
    d.ready();
    std::set<pid_t> seen;
    for (int i = 0; i < 4; ++i)
        seen.insert(get(d.at("web")).pid);
    CHECK(seen.size() == 2);
}
