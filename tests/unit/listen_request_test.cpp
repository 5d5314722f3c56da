// SPDX-License-Identifier: MIT
#include "daemon/listen_request.hpp"

#include <cerrno>

#include "config/address.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;

namespace
{

ipc::Wanted wanted(const std::string& address, std::uint32_t index = 0)
{
    ipc::Wanted one;
    one.address = address;
    one.index = index;
    return one;
}

config::Socket read(const ipc::Wanted& request)
{
    auto answer = read_listen_request(request, {});
    CAPTURE(request.address);
    REQUIRE(std::holds_alternative<config::Socket>(answer));
    return std::get<config::Socket>(std::move(answer));
}

std::string name_of(const std::string& address, std::uint32_t index = 0)
{
    return read(wanted(address, index)).name;
}

int error_of(const ipc::Wanted& request)
{
    const auto answer = read_listen_request(request, {});
    const auto* refusal = std::get_if<ipc::Refusal>(&answer);
    if (refusal)
        CHECK_FALSE(refusal->reason.empty());
    return refusal ? refusal->error : 0;
}

} // namespace

TEST_CASE("what a worker asks for has one name in all its spellings")
{
    CHECK(name_of("tcp://127.0.0.1:80") == "tcp://127.0.0.1:80");
    CHECK(name_of("tcp://[0::1]:080") == name_of("tcp://[::1]:80"));
    CHECK(name_of("tcp://*:80") == name_of("tcp://[::]:80"));
    CHECK(name_of("udp://*:80") == "udp://[::]:80");
    CHECK(name_of("unix:/run/./app//x") == name_of("unix:/run/app/x"));
    CHECK(name_of("unix:@x") == "unix:@x");
    // Other sockets have other names.
    CHECK(name_of("tcp://127.0.0.1:80") != name_of("udp://127.0.0.1:80"));
    CHECK(name_of("tcp://0.0.0.0:80") != name_of("tcp://[::]:80"));
    ipc::Wanted only = wanted("tcp://[::]:80");
    only.v6only = true;
    CHECK(read(only).name != name_of("tcp://[::]:80"));
    CHECK(read(only).v6only);
}

TEST_CASE("the index counts where the port is free to choose, and only there")
{
    CHECK(name_of("tcp://127.0.0.1:0", 1) != name_of("tcp://127.0.0.1:0", 0));
    CHECK(name_of("tcp://127.0.0.1:0", 1) == "tcp://127.0.0.1:0#1");
    CHECK(name_of("tcp://127.0.0.1:80", 1) == name_of("tcp://127.0.0.1:80", 0));
    CHECK(name_of("unix:/run/x:0", 1) == name_of("unix:/run/x:0", 0));
    CHECK(name_of("unix:@x:0", 1) == name_of("unix:@x:0", 0));
}

TEST_CASE("the first who asks decides about the backlog, within what the kernel counts")
{
    ipc::Wanted request = wanted("tcp://127.0.0.1:0");
    CHECK(read(request).backlog == config::Socket{}.backlog);
    request.backlog = 5;
    CHECK(read(request).backlog == 5);
    request.backlog = 0xffffffff;
    CHECK(read(request).backlog == 65535);
}

TEST_CASE("a worker that asks for no address is told so")
{
    for (const char* text :
         {"", "x", "tcp://", "tcp://127.0.0.1:99999", "unix:", "unix:relative.sock", "systemd:web",
          "fd:3", "tcp://*:*", "tcp://127.0.0.1:80\n", "unix:/run/a\x7f", "unix:/run/\xff"}) {
        CAPTURE(text);
        CHECK(error_of(wanted(text)) == EINVAL);
    }
    CHECK(error_of(wanted(std::string("unix:/run/a\0b", 13))) == EINVAL);
    CHECK(error_of(wanted("unix:/" + std::string(107, 'a'))) == EINVAL);
    CHECK(error_of(wanted("unix:/" + std::string(106, 'a'))) == 0);
    ipc::Wanted only = wanted("tcp://127.0.0.1:80");
    only.v6only = true;
    CHECK(error_of(only) == EINVAL);
}

TEST_CASE("fd:N is a number, or -1")
{
    CHECK(inherited_number("fd:3") == 3);
    CHECK(inherited_number("fd:0") == 0);
    for (const char* text : {"fd:", "fd:x", "fd:-1", "fd:3x", "fd: 3", "fd:99999999999999999999"})
        CHECK(inherited_number(text) == -1);
    CHECK_FALSE(inherited_number("tcp://127.0.0.1:3"));
}

TEST_CASE("what the spec does not allow is EACCES, with the address and why")
{
    config::Program program;
    program.listen_allow.kind = config::ListenAllow::Kind::declared;
    const auto answer = judge_listen_request(read(wanted("tcp://127.0.0.1:0")), program);
    const auto* refusal = std::get_if<ipc::Refusal>(&answer);
    REQUIRE(refusal);
    CHECK(refusal->error == EACCES);
    CHECK(refusal->reason == "not allowed to bind tcp://127.0.0.1:0: the pool's listen_allow is "
                             "declared: only sockets of the spec");
    program.listen_allow.kind = config::ListenAllow::Kind::any;
    CHECK(std::holds_alternative<std::monostate>(
        judge_listen_request(read(wanted("tcp://127.0.0.1:80")), program)));
}
