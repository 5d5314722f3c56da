// SPDX-License-Identifier: MIT
#include "daemon/listener.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "daemon/rebinding.hpp"
#include "tests/support/scratch.hpp"
#include "tests/unit/listening.hpp"

using namespace ostler;
using namespace ostler::test;
using config::Scheduling;
using Family = config::Address::Family;

namespace
{

config::Socket socket_of(Family family, const std::string& where)
{
    config::Socket spec{.name = "s"};
    spec.listen = {.family = family, .host = where, .path = where, .text = where};
    return spec;
}

std::string abstract_name()
{
    return "ostler-listener-test-" + std::to_string(::getpid());
}

// What a worker does that shuts down the socket it was given.
void shut(const Listener& listener)
{
    (void)::shutdown(listener.descriptor().get(), SHUT_RDWR);
}

bool gets_datagram(os::FdRef socket, const os::Endpoint& to)
{
    const os::UniqueFd sender{os::adopt, ::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (::sendto(sender.get(), "x", 1, 0, to.address(), to.size()) != 1)
        return false;
    pollfd poll{socket.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&poll, 1, 5000) == 1 && ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) == 1;
}

} // namespace

TEST_CASE("auto is round-robin where all can be handed connections, else shared, and UDP is shared")
{
    boost::asio::io_context loop;
    const auto settled = [&](config::Socket spec, bool hand_overs) {
        return bound(loop, spec, hand_overs)->scheduling();
    };
    auto spec = tcp_socket();
    CHECK(settled(spec, true) == Scheduling::round_robin);
    CHECK(settled(spec, false) == Scheduling::shared);
    spec.scheduling = Scheduling::shared;
    CHECK(settled(spec, true) == Scheduling::shared);
    CHECK(settled(socket_of(Family::udp, "127.0.0.1"), true) == Scheduling::shared);
}

TEST_CASE("a shared socket is given to the workers, and its connections do not wake the master")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, tcp_socket(), false);
    FakeWorker worker{"web/0"};
    worker.join(*listener);
    CHECK(worker.intake->delivery() == Delivery::shared);
    CHECK(worker.intake->given().get() == listener->descriptor().get());
    (void)wake_ups(loop, 1ms);
    const Client one{*listener}, two{*listener};
    CHECK(wake_ups(loop, 50ms) == 0);
    CHECK(listener->backlog_waiting() == 2);
}

TEST_CASE(
    "a socket that a worker shut down is bound anew on the same port, and its holders are told")
{
    boost::asio::io_context loop;
    for (const char* host : {"127.0.0.1", "::1", "::"}) {
        const auto listener = bound(loop, tcp_socket(host), false);
        FakeWorker one{"web/0"}, two{"web/1"};
        one.join(*listener);
        two.join(*listener);
        const std::string address = listener->address();
        const os::UniqueFd held{os::adopt, ::fcntl(one.intake->given().get(), F_DUPFD_CLOEXEC, 0)};
        shut(*listener);
        REQUIRE(run_until(loop, [&] { return two.replaced == 1; }));
        CHECK(one.replaced == 1);
        CHECK(one.replacement == listener->descriptor().get());
        CHECK(listener->address() == address);
        CHECK(listener->counters().rebound == 1);
        CHECK(Client{*listener}.error() == 0);
        CHECK(listener->backlog_waiting() == 1);
    }
}

TEST_CASE("a round-robin socket goes on after it was shut down and bound anew")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, tcp_socket());
    FakeWorker worker{"web/0"};
    worker.join(*listener);
    shut(*listener);
    REQUIRE(run_until(loop, [&] { return listener->counters().rebound == 1; }));
    const Client client{*listener};
    REQUIRE(run_until(loop, [&] { return worker.serve_one(); }));
    CHECK(client.heard() == ".");
}

TEST_CASE("a Unix socket that was shut down is bound anew at its path")
{
    const Scratch folder;
    boost::asio::io_context loop;
    auto spec = socket_of(Family::unix_path, folder / "a.sock");
    const auto listener = bound(loop, spec, false);
    FakeWorker worker{"web/0"};
    worker.join(*listener);
    const os::UniqueFd held{os::adopt, ::fcntl(worker.intake->given().get(), F_DUPFD_CLOEXEC, 0)};
    REQUIRE(::shutdown(held.get(), SHUT_RD) == 0);
    REQUIRE(run_until(loop, [&] { return worker.replaced == 1; }));
    CHECK(Client{*listener}.error() == 0);
    CHECK(exists(spec.listen.path));
}

TEST_CASE("a UDP socket that was shut down is bound anew, and datagrams come to the new one")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, socket_of(Family::udp, "127.0.0.1"));
    CHECK(listener->datagram());
    FakeWorker worker{"dns/0"};
    worker.join(*listener);
    const os::UniqueFd held{os::adopt, ::fcntl(worker.intake->given().get(), F_DUPFD_CLOEXEC, 0)};
    const auto where = *os::Endpoint::of(listener->descriptor());
    shut(*listener);
    REQUIRE(run_until(loop, [&] { return worker.replaced == 1; }));
    CHECK(os::Endpoint::of(listener->descriptor())->port() == where.port());
    CHECK(gets_datagram(listener->descriptor(), where));
}

TEST_CASE("an abstract socket that was shut down is bound anew once its holders are ended")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, socket_of(Family::unix_abstract, abstract_name()), false);
    FakeWorker worker{"web/0"};
    worker.join(*listener);
    os::UniqueFd held{os::adopt, ::fcntl(worker.intake->given().get(), F_DUPFD_CLOEXEC, 0)};
    shut(*listener);
    REQUIRE(run_until(loop, [&] { return worker.stuck > 0; }));
    held.reset();
    REQUIRE(run_until(loop, [&] { return listener->counters().rebound == 1; }));
    CHECK(Client{*listener}.error() == 0);
}

TEST_CASE("a socket that is shut down again and again is bound anew ever more slowly")
{
    Rebinding rebinding;
    Rebinding::Clock::time_point now{1h};
    CHECK(rebinding.wait(now) == 0ms);
    std::chrono::milliseconds total{0};
    for (int i = 0; i < 20; ++i) {
        const auto wait = rebinding.wait(now);
        CHECK(wait >= 100ms);
        CHECK(wait <= 5s);
        now += wait;
        total += std::chrono::duration_cast<std::chrono::milliseconds>(wait);
    }
    CHECK(total > 60s);
    CHECK(rebinding.wait(now + 1min) == 0ms);
}

TEST_CASE("a listener made from a descriptor works like one that was bound here")
{
    boost::asio::io_context loop;
    auto first = bound(loop, tcp_socket());
    os::UniqueFd copy{os::adopt, ::dup(first->descriptor().get())};
    const std::string address = first->address();
    first.reset();
    Listener::Failure failure;
    const auto adopted =
        Listener::adopt(loop.get_executor(), tcp_socket(), std::move(copy), failure);
    REQUIRE(adopted);
    adopted->settle(true);
    CHECK(adopted->address() == address);
    FakeWorker worker{"web/0"};
    worker.join(*adopted);
    const Client client{*adopted};
    REQUIRE(run_until(loop, [&] { return worker.serve_one(); }));
}

TEST_CASE("a descriptor that is not the socket of the spec is not adopted")
{
    boost::asio::io_context loop;
    Listener::Failure failure;
    os::UniqueFd file{os::adopt, ::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    auto adopted = Listener::adopt(loop.get_executor(), tcp_socket(), std::move(file), failure);
    CHECK(!adopted);
    CHECK(failure.sentence.find("not a socket") != std::string::npos);
    os::UniqueFd udp{os::adopt, ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    adopted = Listener::adopt(loop.get_executor(), tcp_socket(), std::move(udp), failure);
    CHECK(!adopted);
}

TEST_CASE("a socket spread another way keeps its file, its address and its clients")
{
    const Scratch folder;
    boost::asio::io_context loop;
    auto spec = socket_of(Family::unix_path, folder / "a.sock");
    auto before = bound(loop, spec, false);
    FakeWorker old{"web/0"}, fresh{"web/1"};
    old.join(*before);
    Listener::Failure failure;
    spec.scheduling = Scheduling::round_robin;
    const auto after = before->respread(spec, failure);
    REQUIRE(after);
    after->settle(true);
    fresh.join(*after);
    CHECK(fresh.intake->delivery() == Delivery::queue);
    old.intake.reset();
    before.reset();
    CHECK(exists(spec.listen.path));
    const Client client{*after};
    REQUIRE(run_until(loop, [&] { return fresh.serve_one(); }));
}

TEST_CASE("options of the spec can change while a socket lives")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, tcp_socket());
    auto spec = listener->spec();
    spec.nodelay = true;
    spec.patience = 1s;
    listener->update(spec);
    CHECK(listener->spec() == spec);
    CHECK(Client{*listener}.error() == 0);
}
