// SPDX-License-Identifier: MIT
// The conversation between libostler and a master that a test plays.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/support/catch.hpp"
#include "tests/support/member.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

TEST_CASE("a process that no ostlerd started is told so")
{
    ostler_worker* worker = nullptr;
    ::unsetenv("OSTLER_CHANNEL_FD");
    CHECK(ostler_worker_open(&worker) == -ENXIO);
    for (const char* nonsense : {"x", "3x", "-1", "99999", "1000000000000", "1"}) {
        INFO(nonsense);
        ::setenv("OSTLER_CHANNEL_FD", nonsense, 1);
        CHECK(ostler_worker_open(&worker) == -EBADF);
        CHECK(worker == nullptr);
    }
    ::unsetenv("OSTLER_CHANNEL_FD");
}

TEST_CASE("joining says who we are and leaves nothing to children")
{
    FakeMaster master;
    const int channel = master.give_workers_end();
    ::fcntl(channel, F_SETFD, 0);
    ::setenv("OSTLER_CHANNEL_FD", std::to_string(channel).c_str(), 1);
    ostler_worker* worker = nullptr;
    auto opening = in_background([&] { return ostler_worker_open(&worker); });
    master.welcome("web:admin");
    REQUIRE(opening.get() == 0);

    CHECK(ostler_worker_id(worker) == 7);
    CHECK(ostler_worker_slot(worker) == 2);
    CHECK(ostler_worker_generation(worker) == 3);
    CHECK(ostler_worker_pool(worker) == std::string{"api"});
    CHECK(ostler_worker_socket(worker, 0) == std::string{"web"});
    CHECK(ostler_worker_socket(worker, 1) == std::string{"admin"});
    CHECK(ostler_worker_socket(worker, 2) == nullptr);
    CHECK(std::getenv("OSTLER_CHANNEL_FD") == nullptr);
    CHECK(::fcntl(channel, F_GETFD) == FD_CLOEXEC);

    ostler_worker_close(worker);
    CHECK(master.ended());
}

TEST_CASE("a master that speaks no version of ours is not joined")
{
    FakeMaster master;
    ::setenv("OSTLER_CHANNEL_FD", std::to_string(master.give_workers_end()).c_str(), 1);
    ostler_worker* worker = nullptr;
    auto opening = in_background([&] { return ostler_worker_open(&worker); });
    const auto [hello, request] = master.hear_of_type<Hello>();
    CHECK(hello.lowest == 1);
    SECTION("it refuses")
    {
        master.send(Refused{EPROTONOSUPPORT, "no version in common"}, request);
    }
    SECTION("it welcomes in a version that we did not offer")
    {
        Welcome welcome;
        welcome.version = 2;
        master.send(welcome, request);
    }
    CHECK(opening.get() == -EPROTONOSUPPORT);
    CHECK(worker == nullptr);
    CHECK(master.ended());
}

TEST_CASE("a master that dies during the welcome is gone, not waited for")
{
    FakeMaster master;
    ::setenv("OSTLER_CHANNEL_FD", std::to_string(master.give_workers_end()).c_str(), 1);
    ostler_worker* worker = nullptr;
    auto opening = in_background([&] { return ostler_worker_open(&worker); });
    static_cast<void>(master.hear());
    master.close();
    CHECK(opening.get() == -EPIPE);
}

TEST_CASE("senseless arguments are answered, not crashed on")
{
    ostler_event event = OSTLER_EVENT_INIT;
    CHECK(ostler_worker_open(nullptr) == -EINVAL);
    CHECK(ostler_worker_next(nullptr, &event, 0) == -EINVAL);
    CHECK(ostler_worker_ready(nullptr) == -EINVAL);
    CHECK(ostler_worker_pool(nullptr) == nullptr);
    CHECK(ostler_worker_id(nullptr) == 0);
    ostler_worker_close(nullptr);

    Member member{"web:admin"};
    std::uint32_t listener = 0;
    CHECK(ostler_worker_listen(member.worker, nullptr, 0, &listener) == -EINVAL); // which of two?
    CHECK(ostler_worker_listen(member.worker, "", 0, &listener) == -EINVAL);
    const std::string long_name(65, 'x');
    CHECK(ostler_worker_listen(member.worker, long_name.c_str(), 0, &listener) == -EINVAL);
    CHECK(ostler_worker_listen(member.worker, "web", 0, nullptr) == -EINVAL);
    CHECK(ostler_worker_close_listener(member.worker, 3) == -EINVAL);
    CHECK(ostler_listener_fd(member.worker, 3) == -EINVAL);
    CHECK(ostler_listener_kind(member.worker, 3) == -EINVAL);
    CHECK(ostler_listener_address(member.worker, 3) == nullptr);
    CHECK(ostler_worker_done(member.worker, 1) == -EINVAL); // nothing was given
    CHECK(ostler_worker_next(member.worker, nullptr, 0) == -EINVAL);
    event.size = 8;
    CHECK(ostler_worker_next(member.worker, &event, 0) == -EINVAL);
    CHECK(member.master.silent());
}

TEST_CASE("a refused listen gives the error and the sentence")
{
    Member member;
    Listening refusal;
    refusal.error = EACCES;
    refusal.reason = "pool api does not list a socket web";
    CHECK(member.listen_answered(refusal) == -EACCES);
    CHECK(ostler_worker_reason(member.worker) == std::string{refusal.reason});

    refusal.error = -5; // no errno
    CHECK(member.listen_answered(refusal) == -EPROTO);
    const std::string endless(5'000, 'x');
    refusal.reason = endless;
    CHECK(member.listen_answered(refusal) == -EPROTO);
    CHECK(std::strlen(ostler_worker_reason(member.worker)) == 255);
}

TEST_CASE("an answer to listen that makes no sense is given back")
{
    Member member;
    Listening answer;
    answer.listener = 9;
    Visit visit = make_visit();
    SECTION("no descriptor came with it")
    {
        answer.how = static_cast<std::uint8_t>(How::queue);
        CHECK(member.listen_answered(answer) == -EMFILE);
    }
    SECTION("neither queue nor socket")
    {
        answer.how = 17;
        CHECK(member.listen_answered(answer, visit.server.borrow()) == -EPROTO);
    }
    SECTION("a queue that is none")
    {
        answer.how = static_cast<std::uint8_t>(How::queue);
        CHECK(member.listen_answered(answer, visit.server.borrow()) == -EPROTO);
    }
    CHECK(member.master.hear_of_type<Close>().first.listener == 9);
    visit.server.reset();
    CHECK(closed(visit.client.borrow())); // no copy was kept
}

TEST_CASE("an answer that comes after nobody waits for it is given back")
{
    Member member;
    std::uint32_t number = 0;
    CHECK(ostler_worker_listen(member.worker, "web", 0, &number) == -ETIMEDOUT);
    const auto request = member.master.hear_of_type<Listen>().second;
    const Queue queue = make_queue();
    member.master.grant(request, 3, How::queue, queue.workers.borrow());
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    const auto [close, close_request] = member.master.hear_of_type<Close>();
    CHECK(close.listener == 3);
    CHECK(close_request != 0);
}

TEST_CASE("a closed listener is said to be closed, and its number can come again")
{
    Member member;
    Queue queue = member.listen_to_queue(1);
    CHECK(ostler_listener_kind(member.worker, 1) == OSTLER_QUEUE);
    CHECK(ostler_listener_address(member.worker, 1) == std::string{"tcp://127.0.0.1:8080"});
    CHECK(ostler_worker_close_listener(member.worker, 1) == 0);
    CHECK(ostler_listener_kind(member.worker, 1) == -EINVAL);
    const auto [close, request] = member.master.hear_of_type<Close>();
    CHECK(close.listener == 1);
    member.master.send(Closed{}, request);

    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow()); // too late: it stays in the queue for others
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
    CHECK(queue.waiting() == 1);
    queue = member.listen_to_queue(1);
}

TEST_CASE("a new master is asked again what the old one did not answer, with the same numbers")
{
    Member member;
    CHECK(ostler_worker_ready(member.worker) == 0);
    static_cast<void>(member.master.hear_of_type<Ready>());
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(member.worker, "web", 20'000, &number); });
    const auto [first, request] = member.master.hear_of_type<Listen>();
    const std::uint32_t index = first.index;
    member.master.send(Resumed{});
    const auto [second, again] = member.master.hear_of_type<Listen>();
    CHECK(again == request);
    CHECK(second.index == index);
    CHECK(second.what == "web");
    static_cast<void>(member.master.hear_of_type<Ready>()); // twice is once
    const Queue queue = make_queue();
    member.master.grant(again, 4, How::queue, queue.workers.borrow());
    CHECK(listening.get() == 0);
    CHECK(number == 4);

    member.master.send(Resumed{}); // answered requests are not asked again
    member.next(0);
    static_cast<void>(member.master.hear_of_type<Ready>());
    CHECK(member.master.silent());
}

TEST_CASE("leaving waits until the master has let go, and is final")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    auto leaving = in_background([&] { return ostler_worker_leave(member.worker, 20'000); });
    const auto request = member.master.hear_of_type<Leave>().second;
    Visit visit = make_visit();
    queue.pass(1, visit.server.borrow()); // crossed with the request: not taken
    member.master.send(Left{}, request);
    CHECK(leaving.get() == 0);
    CHECK(member.master.ended());
    CHECK(queue.waiting() == 1);
    member.next(0);
    CHECK(member.rc == -EPIPE);
    CHECK(ostler_worker_leave(member.worker, 0) == -EPIPE);
    CHECK(ostler_worker_ready(member.worker) == -EPIPE);
}

TEST_CASE("leaving without an answer in time leaves all the same")
{
    Member member;
    CHECK(ostler_worker_leave(member.worker, 1) == -ETIMEDOUT);
    static_cast<void>(member.master.hear_of_type<Leave>());
    CHECK(member.master.ended());
    member.next(0);
    CHECK(member.rc == -EPIPE);
}

TEST_CASE("the master's end is the end")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    member.master.close();
    member.next();
    CHECK(member.rc == -EPIPE);
    member.next();
    CHECK(member.rc == -EPIPE);
    std::uint32_t number = 0;
    CHECK(ostler_worker_listen(member.worker, "web", 1'000, &number) == -EPIPE);
    CHECK(ostler_worker_ready(member.worker) == -EPIPE);
}

TEST_CASE("the page says busy after an event, idle while waiting, and counts")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    CHECK(member.master.page(0) != 0); // starting up is work
    auto waiting = in_background([&] { return member.next(); });
    CHECK(eventually([&] { return member.master.page(0) == 0; }));
    Visit visit = make_visit();
    queue.pass(11, visit.server.borrow());
    const ostler_event event = waiting.get();
    REQUIRE(event.type == OSTLER_CONNECTION);
    CHECK(member.master.page(0) != 0);
    CHECK(member.master.page(1) == 1);
    CHECK(member.master.page(2) == 0);
    ::close(event.fd);
    CHECK(ostler_worker_done(member.worker, event.connection) == 0);
    CHECK(member.master.page(2) == 1);
    CHECK(ostler_worker_done(member.worker, event.connection) == -EINVAL);
}

TEST_CASE("a loop of one's own says busy and idle itself")
{
    Member member;
    CHECK(ostler_worker_fd(member.worker) >= 0);
    CHECK(member.master.page(0) == 0);
    member.next(0);
    CHECK(member.master.page(0) == 0);
    CHECK(ostler_worker_busy(member.worker) == 0);
    const auto since = member.master.page(0);
    CHECK(since != 0);
    member.next(0);
    CHECK(member.master.page(0) == since);
    CHECK(ostler_worker_idle(member.worker) == 0);
    CHECK(member.master.page(0) == 0);
}

TEST_CASE("a page that could be shrunk under us is not mapped")
{
    FakeMaster master;
    ::setenv("OSTLER_CHANNEL_FD", std::to_string(master.give_workers_end()).c_str(), 1);
    ostler_worker* worker = nullptr;
    auto opening = in_background([&] { return ostler_worker_open(&worker); });
    const auto request = master.hear_of_type<Hello>().second;
    const os::UniqueFd trap{os::adopt, ::memfd_create("trap", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    REQUIRE(::ftruncate(trap.get(), 4096) == 0);
    master.send(Welcome{}, request, trap.borrow());
    REQUIRE(opening.get() == 0);
    REQUIRE(::ftruncate(trap.get(), 0) == 0);
    CHECK(ostler_worker_busy(worker) == 0); // would be SIGBUS
    ostler_worker_close(worker);
}
