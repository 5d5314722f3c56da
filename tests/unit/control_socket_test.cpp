// SPDX-License-Identifier: MIT
#include "daemon/control_socket.hpp"

#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_access.hpp"
#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler;
using ostler::test::Scratch;
using Reach = ControlSocket::Reach;

namespace
{

mode_t mode_of(const std::string& path)
{
    struct stat found {
    };
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

os::UniqueFd bound_elsewhere(const std::string& path, int type)
{
    os::UniqueFd socket{os::adopt, ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    const auto address = control::address_of(path);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) ==
            0);
    return socket;
}

} // namespace

TEST_CASE("a control socket makes its folder, is its owner's alone, and leaves nothing behind")
{
    const Scratch scratch;
    const std::string path = scratch / "run/control.sock";
    ControlSocket::Failure failure;
    {
        auto socket = ControlSocket::open(path, Reach::own, 4711, failure);
        REQUIRE(socket);
        CHECK(mode_of(path) == 0600);
        CHECK(test::read_file(path + ".lock") == "4711\n");
        socket->set_reach(Reach::everyone);
        CHECK(mode_of(path) == 0666);
    }
    CHECK(!test::exists(path));
    CHECK(!test::exists(path + ".lock"));
}

TEST_CASE("a second daemon on the same control path hears the first one's pid")
{
    const Scratch scratch;
    ControlSocket::Failure failure;
    const auto first = ControlSocket::open(scratch / "c", Reach::own, 4711, failure);
    REQUIRE(first);
    CHECK(!ControlSocket::open(scratch / "c", Reach::own, 4712, failure));
    CHECK(failure.exit == exit_failed);
    CHECK(failure.sentence == "already running, pid 4711 (" + (scratch / "c") + ")");
    CHECK(test::exists(scratch / "c")); // it harmed nothing
    CHECK(test::exists(scratch / "c.lock"));
}

TEST_CASE("what a killed daemon left is replaced")
{
    const Scratch scratch;
    bound_elsewhere(scratch / "c", SOCK_SEQPACKET).reset();
    test::write_file(scratch / "c.lock", "99999\n");
    ControlSocket::Failure failure;
    CHECK(ControlSocket::open(scratch / "c", Reach::own, 1, failure));
    CHECK(failure.sentence == "");
}

TEST_CASE("a control path that belongs to something else is left alone")
{
    const Scratch scratch;
    ControlSocket::Failure failure;
    test::write_file(scratch / "file", "precious");
    CHECK(!ControlSocket::open(scratch / "file", Reach::own, 1, failure));
    CHECK(failure.sentence.find("is not a socket") != std::string::npos);
    CHECK(test::read_file(scratch / "file") == "precious");

    const auto other = bound_elsewhere(scratch / "other", SOCK_STREAM);
    REQUIRE(::listen(other.get(), 1) == 0);
    CHECK(!ControlSocket::open(scratch / "other", Reach::own, 1, failure));
    CHECK(failure.sentence.find("another running program") != std::string::npos);
    CHECK(test::exists(scratch / "other"));
}

TEST_CASE("a control path that cannot be is a sentence")
{
    const Scratch scratch;
    ControlSocket::Failure failure;
    CHECK(!ControlSocket::open(scratch / std::string(200, 'x'), Reach::own, 1, failure));
    CHECK(failure.exit == exit_config);
    CHECK(failure.sentence.find("107") != std::string::npos);
    CHECK(!ControlSocket::open(scratch / "no/such/folder/c", Reach::own, 1, failure));
    CHECK(failure.sentence.find("folder of the control socket") != std::string::npos);
}

TEST_CASE("roles come from the peer's user and groups, and the highest counts")
{
    using control::Role;
    config::Control access;
    access.observe.groups = {4, 100};
    access.operate.users = {1001};
    access.operate.groups = {200};
    access.administer.users = {1002};
    struct Case {
        Peer peer;
        Role role;
    };
    const std::vector<Case> cases{
        {{1, 0, 0, {}}, Role::administer},
        {{1, 500, 500, {}}, Role::administer}, // the daemon's own user
        {{1, 1000, 1000, {}}, Role::none},
        {{1, 1000, 100, {}}, Role::observe},
        {{1, 1000, 1000, {7, 4}}, Role::observe},
        {{1, 1001, 1001, {4}}, Role::operate},
        {{1, 1000, 1000, {4, 200}}, Role::operate},
        {{1, 1002, 1002, {}}, Role::administer},
    };
    for (const Case& each : cases)
        CHECK(role_of(each.peer, access, 500) == each.role);
    CHECK(open_to_others(access, 500));
    CHECK(!open_to_others({}, 500));
    access = {};
    access.administer.users = {0, 500};
    CHECK(!open_to_others(access, 500));
}

TEST_CASE("the kernel says who is at the other end")
{
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    const os::UniqueFd one{os::adopt, ends[0]};
    const os::UniqueFd other{os::adopt, ends[1]};
    const auto peer = peer_of(one.borrow());
    REQUIRE(peer);
    CHECK(peer->pid == ::getpid());
    CHECK(peer->uid == ::geteuid());
    CHECK(peer->groups.size() == static_cast<std::size_t>(::getgroups(0, nullptr)));
}
