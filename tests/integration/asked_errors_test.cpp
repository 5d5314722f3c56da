// SPDX-License-Identifier: MIT
// A worker that asks for a socket it cannot have is told so, lives, and may ask again.
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

#include "tests/integration/asked.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string as_nobody = "user: nobody\ngroup: nogroup";

void check_refused(Puppet& puppet, const std::string& address, int error, const std::string& why,
                   const std::string& how = "")
{
    const Asked answer = listen(puppet, address, how);
    CAPTURE(address, answer.answer);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.rc() == -error);
    CHECK_THAT(answer.answer, Contains(why));
}

} // namespace

TEST_CASE("row 47: what cannot be bound is told to the worker that asked, which lives", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet one{d, "a"};
    const ostler::os::UniqueFd foreign = Endpoint{any_port}.listen();
    const std::string taken = "tcp://127.0.0.1:" + std::to_string(local_port(foreign.borrow()));
    check_refused(one, taken, EADDRINUSE, "in use");
    check_refused(one, "tcp://192.0.2.1:0", EADDRNOTAVAIL, "");
    check_refused(one, "unix:/nowhere/to/be/found.sock", ENOENT, "");
    check_refused(one, "unix:/dev/null/x.sock", ENOTDIR, "");
    const Asked good = listen(one, any_port);
    REQUIRE(good.ok());
    check_refused(one, good.address(), EADDRINUSE, "");
    CHECK(one.ask("connected") == "1");
    CHECK(d.row("a").restarts == 0);
    one.let_go();
    CHECK(who_serves(good.where()).size() == 1);
}

TEST_CASE("row 47: what is no address is EINVAL", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet one{d, "a"};
    for (const char* text :
         {"x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1",
          "tcp://localhost:80", "tcp://[::1:80", "udp:/127.0.0.1:1", "unix:", "unix:@",
          "fd:", "fd:x", "fd:-1", "fd:99999999999999999999", "systemd:web", "http://127.0.0.1:80",
          "tcp://127.0.0.1:8\x7f", "tcp://\xff\xfe:1"})
        check_refused(one, text, EINVAL, "");
    check_refused(one, "tcp://127.0.0.1:0", EINVAL, "IPv6", "v6only");
    check_refused(one, "tcp://" + std::string(5000, '1') + ":80", EINVAL, "");
    check_refused(one, "unix:/" + std::string(5000, 'a'), EINVAL, "");
    check_refused(one, "unix:/" + std::string(110, 'a'), EINVAL, "");
    CHECK(listen(one, any_port).ok());
    CHECK(d.row("a").restarts == 0);
}

TEST_CASE("row 47: low ports are not for a worker whose user could not bind them", "[asked]")
{
    Daemon d{puppet_pools("a b", as_nobody) + "    listen_allow: [\"tcp://127.0.0.1:*\"]\n"};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    check_refused(a, "tcp://127.0.0.1:797", EACCES, "listen_allow");
    CHECK(listen(b, "tcp://127.0.0.1:797").ok()); // the spec allows it
    check_refused(b, "tcp://127.0.0.2:0", EACCES, "listen_allow has no pattern");
    check_refused(b, "udp://127.0.0.1:0", EACCES, "listen_allow has no pattern");
    CHECK(listen(a, any_port).ok());
}

TEST_CASE("listen_allow: declared is only what the spec has", "[asked]")
{
    Daemon d{puppet_pools("a", "listen_allow: declared")};
    d.ready();
    Puppet one{d, "a"};
    check_refused(one, any_port, EACCES, "listen_allow is declared");
    CHECK(one.ask("unlisten 0") == "0");
    CHECK(listen(one, "tcp://127.0.0.1:" + std::to_string(d.at("a").port())).ok());
}

TEST_CASE("row 48: the file of a Unix socket is made with the rights of the worker's user",
          "[asked]")
{
    Daemon d{puppet_pools("a", as_nobody + "\nlisten_allow: any")};
    d.ready();
    Puppet one{d, "a"};
    const std::string forbidden = d / "forbidden", theirs = d / "theirs";
    std::filesystem::create_directory(forbidden);
    std::filesystem::create_directory(theirs);
    std::filesystem::permissions(d.dir(), std::filesystem::perms{0755});
    std::filesystem::permissions(theirs, std::filesystem::perms{0777});
    check_refused(one, "unix:" + forbidden + "/x.sock", EACCES, "");
    const std::string path = theirs + "/x.sock";
    REQUIRE(listen(one, "unix:" + path).ok());
    struct stat file {
    };
    REQUIRE(::stat(path.c_str(), &file) == 0);
    CHECK(file.st_uid == 65534);
    // A path that is taken by a file is left alone.
    check_refused(one, "unix:" + theirs, EEXIST, "remove it or choose another path");
    CHECK(std::filesystem::is_directory(theirs));
}

TEST_CASE("a 65th listener is refused, until another one is closed", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet one{d, "a"};
    Asked last;
    for (int i = 1; i < 64; ++i) { // besides that of the spec
        last = listen(one, any_port);
        REQUIRE(last.ok());
    }
    check_refused(one, any_port, EMFILE, "");
    CHECK(one.ask("unlisten " + last.number()) == "0");
    CHECK(listen(one, any_port).ok());
    CHECK(d.row("a").restarts == 0);
}
