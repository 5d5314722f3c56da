// SPDX-License-Identifier: MIT
// libostler asks a master that the test plays for sockets by their address.
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "tests/support/catch.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/member.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

namespace
{

int listen_at(ostler_worker* worker, const std::string& text, std::uint32_t* listener,
              std::uint32_t flags = 0, int timeout_ms = static_cast<int>(patience.count()))
{
    ostler_address address = OSTLER_ADDRESS_INIT;
    address.text = text.c_str();
    address.flags = flags;
    return ostler_worker_listen_at(worker, &address, timeout_ms, listener);
}

// The next that the library asks; answered with a queue.
Listen grant_next(Member& member, std::uint32_t number)
{
    const auto [listen, request] = member.master.hear_of_type<Listen>();
    const Queue queue = make_queue();
    member.master.grant(request, number, How::queue, queue.workers.borrow());
    return listen;
}

// The index of what is asked for at this address, which is granted.
std::uint32_t index_at(Member& member, const std::string& text, std::uint32_t number,
                       std::uint32_t flags = 0)
{
    std::uint32_t listener = 0;
    auto asking = in_background([&] { return listen_at(member.worker, text, &listener, flags); });
    const std::uint32_t index = grant_next(member, number).index;
    CHECK(asking.get() == 0);
    CHECK(listener == number);
    return index;
}

} // namespace

TEST_CASE("a socket is asked for by its address in the bytes of the document")
{
    Member member;
    std::uint32_t listener = 0;
    auto asking =
        in_background([&] { return listen_at(member.worker, "tcp://127.0.0.1:0", &listener); });
    const Said said = member.master.hear();
    const unsigned char fields[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0};
    const std::string text = "tcp://127.0.0.1:0";
    const std::size_t header = 8, backlog = 4;
    REQUIRE(said.bytes.size() == header + sizeof fields + text.size() + backlog);
    CHECK(std::memcmp(said.bytes.data() + header, fields, sizeof fields) == 0);
    CHECK(std::memcmp(said.bytes.data() + header + sizeof fields, text.data(), text.size()) == 0);
    const Queue queue = make_queue();
    member.master.grant(said.header.request, 5, How::queue, queue.workers.borrow());
    CHECK(asking.get() == 0);
    CHECK(listener == 5);
}

TEST_CASE("free ports are counted for each address, and a number is used again")
{
    Member member;
    CHECK(index_at(member, "tcp://127.0.0.1:0", 1) == 0);
    CHECK(index_at(member, "tcp://127.0.0.1:0", 2) == 1);
    CHECK(index_at(member, "udp://127.0.0.1:0", 3) == 0);
    CHECK(index_at(member, "tcp://[::]:0", 4) == 0);
    CHECK(index_at(member, "tcp://*:0", 5) == 1); // the same to the master
    CHECK(index_at(member, "tcp://[::]:0", 6, OSTLER_V6ONLY) == 0);
    CHECK(index_at(member, "tcp://127.0.0.1:8080", 7) == 0);
    CHECK(ostler_worker_close_listener(member.worker, 1) == 0);
    static_cast<void>(member.master.hear());
    CHECK(index_at(member, "tcp://127.0.0.1:0", 8) == 0);
    CHECK(index_at(member, "tcp://127.0.0.1:0", 9) == 2);
}

TEST_CASE("an address that is refused is told with the reason, and may be asked for again")
{
    Member member;
    std::uint32_t listener = 77;
    auto asking =
        in_background([&] { return listen_at(member.worker, "tcp://[::]:80", &listener); });
    const auto [listen, request] = member.master.hear_of_type<Listen>();
    CHECK(listen.what == "tcp://[::]:80");
    Listening refusal;
    refusal.error = EACCES;
    refusal.reason = "not for you";
    member.master.send(refusal, request);
    CHECK(asking.get() == -EACCES);
    CHECK(ostler_worker_reason(member.worker) == std::string{"not for you"});
    CHECK(listener == 77);
    CHECK(index_at(member, "tcp://[::]:80", 1) == 0);
}

TEST_CASE("a new master is asked again for the same of the free ports")
{
    Member member;
    CHECK(index_at(member, "tcp://127.0.0.1:0", 1) == 0);
    std::uint32_t listener = 0;
    auto asking =
        in_background([&] { return listen_at(member.worker, "tcp://127.0.0.1:0", &listener); });
    const auto first = member.master.hear_of_type<Listen>().second;
    member.master.send(Resumed{});
    const auto [again, second] = member.master.hear_of_type<Listen>();
    CHECK(second == first);
    CHECK(again.index == 1);
    const Queue queue = make_queue();
    member.master.grant(second, 2, How::queue, queue.workers.borrow());
    CHECK(asking.get() == 0);
}

TEST_CASE("what is no address is refused before anybody is asked")
{
    Member member;
    std::uint32_t listener = 0;
    CHECK(listen_at(member.worker, "", &listener) == -EINVAL);
    CHECK(listen_at(member.worker, std::string(5000, 'x'), &listener) == -EINVAL);
    CHECK(listen_at(member.worker, std::string(129, 'x'), &listener) == -EINVAL);
    CHECK(listen_at(member.worker, "tcp://127.0.0.1:0", nullptr) == -EINVAL);
    CHECK(listen_at(nullptr, "tcp://127.0.0.1:0", &listener) == -EINVAL);
    CHECK(listen_at(member.worker, "tcp://127.0.0.1:0", &listener, 1U << 31) == -EINVAL);
    CHECK(ostler_worker_listen_at(member.worker, nullptr, 0, &listener) == -EINVAL);
    ostler_address address = OSTLER_ADDRESS_INIT;
    CHECK(ostler_worker_listen_at(member.worker, &address, 0, &listener) == -EINVAL);
    address.text = "tcp://127.0.0.1:0";
    address.size = 4;
    CHECK(ostler_worker_listen_at(member.worker, &address, 0, &listener) == -EINVAL);
    CHECK(member.master.silent());
}

TEST_CASE("an exclusive socket is bound here, and the master hears nothing of it")
{
    Member member;
    std::uint32_t listener = 0;
    REQUIRE(listen_at(member.worker, "tcp://127.0.0.1:0", &listener, OSTLER_EXCLUSIVE) == 0);
    const Endpoint where{ostler_listener_address(member.worker, listener)};
    CHECK(where.port() != 0);
    const os::UniqueFd client = where.make_socket();
    REQUIRE(::connect(client.get(), where.address(), where.size()) == 0);
    const ostler_event event = member.next();
    CHECK(event.type == OSTLER_CONNECTION);
    ::close(event.fd);
    std::uint32_t second = 0;
    CHECK(listen_at(member.worker, ostler_listener_address(member.worker, listener), &second,
                    OSTLER_EXCLUSIVE) == -EADDRINUSE);
    CHECK(ostler_worker_close_listener(member.worker, listener) == 0);
    CHECK(ostler_listener_address(member.worker, listener) == nullptr);
    const os::UniqueFd late = where.make_socket();
    CHECK(::connect(late.get(), where.address(), where.size()) != 0);
    CHECK(member.master.silent());
}
