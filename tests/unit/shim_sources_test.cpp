// SPDX-License-Identifier: MIT
// Where connections come from, and draining.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/member.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

namespace
{

const Endpoint any_port{"tcp://127.0.0.1:0"};

os::UniqueFd connect_to(os::FdRef listening)
{
    const Endpoint there = any_port.at_port(local_port(listening));
    os::UniqueFd client = there.make_socket();
    REQUIRE(::connect(client.get(), there.address(), there.size()) == 0);
    return client;
}

// The connection of an event, finished with.
void finish(Member& member, const ostler_event& event)
{
    REQUIRE(event.type == OSTLER_CONNECTION);
    ::close(event.fd);
    REQUIRE(ostler_worker_done(member.worker, event.connection) == 0);
}

void drain(Member& member, std::uint32_t milliseconds = 60'000)
{
    member.master.send(Drain{milliseconds}, 99);
}

// Few open files for a moment. No assertions meanwhile: the sanitizers need descriptors themselves.
class LowLimit
{
public:
    explicit LowLimit(rlim_t limit)
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit low{limit, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &low);
    }
    ~LowLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    LowLimit(const LowLimit&) = delete;
    LowLimit& operator=(const LowLimit&) = delete;

private:
    rlimit before_{};
};

} // namespace

TEST_CASE("a connection from the queue arrives with its number and its peer")
{
    Member member;
    const Queue queue = member.listen_to_queue(3);
    Visit visit = make_visit();
    const sockaddr_storage peer = [] {
        sockaddr_storage made{};
        made.ss_family = AF_INET;
        return made;
    }();
    queue.pass(1'234, visit.server.borrow(), std::as_bytes(std::span{&peer, 1}).first(16));
    visit.server.reset();
    const ostler_event event = member.next();
    REQUIRE(event.type == OSTLER_CONNECTION);
    CHECK(event.connection == 1'234);
    CHECK(event.listener == 3);
    CHECK(event.peer_size == 16);
    CHECK(event.peer.ss_family == AF_INET);
    CHECK(::fcntl(event.fd, F_GETFD) == FD_CLOEXEC);
    CHECK(::send(event.fd, "x", 1, 0) == 1);
    finish(member, event);
    char byte = 0;
    CHECK(::recv(visit.client.get(), &byte, 1, 0) == 1);
    CHECK(closed(visit.client.borrow()));
}

TEST_CASE("what is no connection is skipped in a queue")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    Visit visit = make_visit();
    const int lent = visit.server.get();
    const std::vector<std::byte> garbage(152, std::byte{0xee});
    queue.send(garbage, {&lent, 1});                     // another type
    queue.send(std::span{garbage}.first(9), {&lent, 1}); // too short
    queue.send(std::vector<std::byte>(400), {&lent, 1}); // too long
    Connection empty_handed;
    queue.send(std::as_bytes(std::span{&empty_handed, 1}), {}); // no descriptor
    const int two[] = {lent, lent};
    queue.send(std::as_bytes(std::span{&empty_handed, 1}), two); // too many
    const std::vector<std::byte> long_peer(129);
    queue.pass(1, visit.server.borrow(), long_peer); // a peer that does not fit
    queue.pass(2, visit.server.borrow());
    const ostler_event event = member.next();
    CHECK(event.connection == 2);
    finish(member, event);
    visit.server.reset();
    CHECK(closed(visit.client.borrow())); // no descriptor was kept
}

TEST_CASE("a queue that ends is left alone, the others go on")
{
    Member member;
    Queue ending = member.listen_to_queue(1);
    const Queue lasting = member.listen_to_queue(2);
    ending = {};
    Visit visit = make_visit();
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    lasting.pass(5, visit.server.borrow());
    finish(member, member.next());
    CHECK_FALSE(polls_readable(ostler_worker_fd(member.worker), 0)); // nothing spins
}

TEST_CASE("several queues are read in turn")
{
    Member member;
    const Queue one = member.listen_to_queue(1), two = member.listen_to_queue(2);
    Visit visit = make_visit();
    for (std::uint64_t i = 1; i <= 3; ++i) {
        one.pass(i, visit.server.borrow());
        two.pass(10 + i, visit.server.borrow());
    }
    std::uint32_t last = 0;
    for (int i = 0; i < 6; ++i) {
        const ostler_event event = member.next();
        CHECK(event.listener != last);
        last = event.listener;
        finish(member, event);
    }
}

TEST_CASE("from a shared socket the library accepts itself")
{
    Member member;
    const os::UniqueFd listening = any_port.listen();
    const std::uint32_t number = member.listen_to(listening.borrow());
    CHECK(ostler_listener_kind(member.worker, number) == OSTLER_SHARED);
    const os::UniqueFd client = connect_to(listening.borrow());
    const ostler_event event = member.next();
    REQUIRE(event.type == OSTLER_CONNECTION);
    CHECK(event.peer.ss_family == AF_INET);
    CHECK((::fcntl(event.fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(::fcntl(event.fd, F_GETFD) == FD_CLOEXEC);
    finish(member, event);
    CHECK(member.master.page(1) == 1);
}

TEST_CASE("a shared socket that somebody made blocking does not block us")
{
    Member member;
    const os::UniqueFd listening = any_port.listen();
    member.listen_to(listening.borrow());
    const os::UniqueFd client = connect_to(listening.borrow());
    const int flags = ::fcntl(listening.get(), F_GETFL);
    ::fcntl(listening.get(), F_SETFL, flags & ~O_NONBLOCK);
    finish(member, member.next());
    ::fcntl(listening.get(), F_SETFL, flags & ~O_NONBLOCK);
    const os::UniqueFd epoll{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    REQUIRE(ostler_worker_attach(member.worker, epoll.get(), 1) == 0);
    member.next(0); // tries to accept although nobody is there
    CHECK(member.rc == -ETIMEDOUT);
}

TEST_CASE("a shared socket that was shut down is replaced without the program's help")
{
    Member member;
    const os::UniqueFd first = any_port.listen(), second = any_port.listen();
    const std::uint32_t number = member.listen_to(first.borrow());
    REQUIRE(::shutdown(first.get(), SHUT_RDWR) == 0);
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    CHECK_FALSE(polls_readable(ostler_worker_fd(member.worker), 0)); // nothing spins meanwhile
    member.master.send(Replaced{number}, 0, second.borrow());
    const os::UniqueFd client = connect_to(second.borrow());
    finish(member, member.next());
}

TEST_CASE("a lent socket is the program's, and its replacement is told")
{
    Member member;
    const os::UniqueFd first = any_port.listen(), second = any_port.listen();
    const std::uint32_t number = member.listen_to(first.borrow());
    const int lent = ostler_listener_fd(member.worker, number);
    CHECK(local_port(os::FdRef{lent}) == local_port(first.borrow()));
    const os::UniqueFd client = connect_to(first.borrow());
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT); // not taken from under the program

    member.master.send(Replaced{number}, 0, second.borrow());
    const ostler_event event = member.next();
    CHECK(event.type == OSTLER_REPLACED);
    CHECK(event.listener == number);
    CHECK(local_port(os::FdRef{event.fd}) == local_port(second.borrow()));
    CHECK(::fcntl(lent, F_GETFD) >= 0); // to be forgotten by epoll
    member.next(0);
    CHECK(::fcntl(lent, F_GETFD) < 0);
}

TEST_CASE("a UDP socket is lent")
{
    Member member;
    const os::UniqueFd socket = Endpoint{"udp://127.0.0.1:0"}.listen();
    const std::uint32_t number = member.listen_to(socket.borrow(), true);
    CHECK(ostler_listener_kind(member.worker, number) == OSTLER_DATAGRAM);
    CHECK(local_port(os::FdRef{ostler_listener_fd(member.worker, number)}) ==
          local_port(socket.borrow()));
    const Queue queue = member.listen_to_queue(6);
    CHECK(ostler_listener_fd(member.worker, 6) == -EOPNOTSUPP);
}

TEST_CASE("told to drain, the library acknowledges and takes nothing more")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    const ostler_event taken = member.next();
    drain(member);
    const ostler_event event = member.next();
    REQUIRE(event.type == OSTLER_DRAIN);
    CHECK(event.milliseconds > 59'000);
    CHECK(event.milliseconds <= 60'000);
    CHECK(member.master.hear_of_type<Drained>().second == 99);
    queue.pass(2, visit.server.borrow());
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    CHECK(queue.waiting() == 1); // for the master to take back

    finish(member, taken);
    CHECK(member.next().type == OSTLER_STOP); // all is done
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT); // and said once
    std::uint32_t number = 0;
    CHECK(ostler_worker_listen(member.worker, "web", 0, &number) == -ESHUTDOWN);
}

TEST_CASE("a drain whose time is over says stop, whatever is open")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    const ostler_event taken = member.next();
    drain(member, 20);
    CHECK(member.next().type == OSTLER_DRAIN);
    CHECK(member.next().type == OSTLER_STOP);
    finish(member, taken);
}

TEST_CASE("asked to drain again by a new master, the library acknowledges again")
{
    Member member;
    drain(member);
    CHECK(member.next().type == OSTLER_DRAIN);
    static_cast<void>(member.master.hear_of_type<Drained>());
    member.master.send(Drain{10'000}, 100);
    CHECK(member.next().type == OSTLER_STOP);
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    CHECK(member.master.hear_of_type<Drained>().second == 100);
}

TEST_CASE("a drain that comes while something else is waited for is not lost")
{
    Member member;
    const int fd = ostler_worker_fd(member.worker);
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(member.worker, "web", 20'000, &number); });
    const auto request = member.master.hear_of_type<Listen>().second;
    drain(member);
    const Queue queue = make_queue();
    member.master.grant(request, 1, How::queue, queue.workers.borrow());
    CHECK(listening.get() == 0);
    CHECK(polls_readable(fd, 1'000)); // although the packet was read already
    CHECK(member.next(0).type == OSTLER_DRAIN);
}

TEST_CASE("the descriptor polls as readable for each thing that next() has to say")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const int fd = ostler_worker_fd(member.worker);
    CHECK_FALSE(polls_readable(fd, 0));
    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    CHECK(polls_readable(fd, 1'000));
    const ostler_event taken = member.next(0);
    CHECK_FALSE(polls_readable(fd, 0));
    drain(member);
    CHECK(polls_readable(fd, 1'000));
    CHECK(member.next(0).type == OSTLER_DRAIN);
    CHECK_FALSE(polls_readable(fd, 0));
    finish(member, taken); // nothing arrives, but STOP is due
    CHECK(polls_readable(fd, 1'000));
    CHECK(member.next(0).type == OSTLER_STOP);
    CHECK_FALSE(polls_readable(fd, 0));
    member.master.close();
    CHECK(polls_readable(fd, 1'000));
    member.next(0);
    CHECK(member.rc == -EPIPE);
}

TEST_CASE("in the program's own epoll everything carries the program's mark")
{
    Member member;
    const Queue before = member.listen_to_queue(1);
    const os::UniqueFd epoll{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    REQUIRE(ostler_worker_attach(member.worker, epoll.get(), 42) == 0);
    CHECK(ostler_worker_attach(member.worker, epoll.get(), 42) == -EEXIST);
    CHECK(ostler_worker_fd(member.worker) == -EEXIST);
    const Queue after = member.listen_to_queue(2);
    member.next(10);
    CHECK(member.rc == -EINVAL); // the waiting is the program's
    const auto marked = [&](int timeout) {
        epoll_event event{};
        return ::epoll_wait(epoll.get(), &event, 1, timeout) == 1 && event.data.u64 == 42;
    };
    CHECK_FALSE(marked(0));
    Visit visit = make_visit();
    for (const Queue* queue : {&before, &after}) {
        queue->pass(1, visit.server.borrow());
        CHECK(marked(1'000));
        finish(member, member.next(0));
        CHECK_FALSE(marked(0));
    }
    drain(member);
    CHECK(marked(1'000));
    CHECK(member.next(0).type == OSTLER_DRAIN);
    CHECK(marked(1'000));
    CHECK(member.next(0).type == OSTLER_STOP);
    CHECK_FALSE(marked(0));
    ostler_worker_close(std::exchange(member.worker, nullptr));
    before.pass(1, visit.server.borrow()); // the master holds that end too
    CHECK_FALSE(marked(0));
}

TEST_CASE("a drain is heard behind connections that never end")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const os::UniqueFd epoll{os::adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    REQUIRE(ostler_worker_attach(member.worker, epoll.get(), 1) == 0);
    Visit visit = make_visit();
    drain(member);
    bool drained = false;
    for (int turn = 0; turn < 40 && !drained; ++turn) {
        queue.pass(1, visit.server.borrow());
        const ostler_event event = member.next(0);
        drained = event.type == OSTLER_DRAIN;
        if (event.type == OSTLER_CONNECTION)
            finish(member, event);
    }
    CHECK(drained);
}

TEST_CASE("close to the limit of open files nothing is read, and no connection is lost")
{
    constexpr std::size_t all = 40, room = 20;
    Member member;
    const Queue queue = member.listen_to_queue();
    std::vector<Visit> visits;
    for (std::uint64_t i = 1; i <= all; ++i) {
        visits.push_back(make_visit());
        queue.pass(i, visits.back().server.borrow());
        visits.back().server.reset();
    }
    std::vector<ostler_event> taken;
    const auto take_all = [&](int timeout_ms) {
        for (ostler_event event = member.next(timeout_ms); member.rc == 0; event = member.next(0))
            taken.push_back(event);
    };
    const int lowest = os::UniqueFd{os::adopt, ::dup(0)}.get();
    {
        const LowLimit low{static_cast<rlim_t>(lowest) + room};
        take_all(0);
    }
    const std::size_t at_once = taken.size();
    CHECK(at_once >= room - 10); // eight are left to the program
    CHECK(at_once <= room - 7);
    CHECK(queue.waiting() == all - at_once);

    std::size_t served = 0;
    while (served < all) {
        for (const ostler_event& event : std::exchange(taken, {})) {
            ++served;
            finish(member, event);
        }
        const LowLimit low{static_cast<rlim_t>(lowest) + room};
        take_all(served < all ? 1'000 : 0);
        if (taken.empty())
            break;
    }
    CHECK(served == all);
    for (const Visit& visit : visits)
        CHECK(closed(visit.client.borrow()));
}

TEST_CASE("a loop of one's own is told when there is room for connections again")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const int fd = ostler_worker_fd(member.worker);
    std::vector<os::UniqueFd> others(48); // of a program that is at work
    for (os::UniqueFd& other : others)
        other.reset(::dup(0));
    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    queue.pass(2, visit.server.borrow());
    ostler_event taken;
    bool quiet = false;
    {
        const LowLimit low{static_cast<rlim_t>(visit.server.get()) + 4};
        taken = member.next(0);
        quiet = !polls_readable(fd, 0);
    }
    CHECK(quiet);
    // However often it says that it works and waits.
    CHECK(eventually([&] {
        ostler_worker_busy(member.worker);
        ostler_worker_idle(member.worker);
        return polls_readable(fd, 0);
    }));
    finish(member, taken);
    finish(member, member.next(0));
}

TEST_CASE("a shared socket waits in the backlog while there are no descriptors")
{
    Member member;
    const os::UniqueFd listening = any_port.listen();
    member.listen_to(listening.borrow());
    const os::UniqueFd client = connect_to(listening.borrow());
    {
        const LowLimit low{static_cast<rlim_t>(client.get())};
        member.next(0);
    }
    CHECK(member.rc == -ETIMEDOUT);
    finish(member, member.next());
}

TEST_CASE("a signal does not end a wait")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    struct sigaction action {
    }, before{};
    action.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
    Visit visit = make_visit();
    const pthread_t waiter = ::pthread_self();
    auto disturbing = in_background([&] {
        const bool waited = eventually([&] { return member.master.page(0) == 0; });
        ::pthread_kill(waiter, SIGUSR1);
        const bool waits_on = throughout(20ms, [&] { return member.master.page(0) == 0; });
        queue.pass(1, visit.server.borrow());
        return waited && waits_on;
    });
    finish(member, member.next());
    CHECK(disturbing.get());
    ::sigaction(SIGUSR1, &before, nullptr);
}
