// SPDX-License-Identifier: MIT
// User messages and a worker's own leaving, with a master that a test plays.
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "tests/support/catch.hpp"
#include "tests/support/member.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

namespace
{

// The text is lent to the message.
ostler_message to_worker(std::uint64_t id, std::string_view text, std::uint32_t flags = 0)
{
    ostler_message message = OSTLER_MESSAGE_INIT;
    message.kind = OSTLER_WORKER;
    message.worker = id;
    message.data = text.data();
    message.length = text.size();
    message.flags = flags;
    return message;
}

bool open_here(int fd)
{
    return ::fcntl(fd, F_GETFD) >= 0;
}

std::string text_of(const ostler_event& event)
{
    REQUIRE(event.type == OSTLER_MESSAGE);
    return {static_cast<const char*>(event.message->data), event.message->length};
}

// All parts of the message that the worker sends. May be called beside the test's own thread.
std::string hear_whole(FakeMaster& master)
{
    std::string text;
    for (bool first = true, more = true; more; first = false) {
        const Said said = master.hear();
        need(said.header.type == static_cast<std::uint16_t>(Type::message), "a message");
        need(((said.header.flags & continued) == 0) == first, "its parts in order");
        more = (said.header.flags & more_follows) != 0;
        text += said.body();
    }
    return text;
}

} // namespace

TEST_CASE("a message goes to the master with its descriptor, and our copy is closed")
{
    Member member;
    const Visit visit = make_visit();
    const std::uint32_t keep = GENERATE(0u, OSTLER_KEEP_OPEN);
    ostler_message message = to_worker(9, "hello", keep);
    message.content = OSTLER_JSON;
    message.fd = ::fcntl(visit.server.get(), F_DUPFD_CLOEXEC, 0);
    CHECK(ostler_worker_send(member.worker, &message, 0) == 0);
    CHECK(open_here(message.fd) == (keep != 0));
    if (keep != 0)
        ::close(message.fd);
    const Said said = member.master.hear();
    const auto fields = said.as<Message>();
    CHECK(fields.kind == static_cast<std::uint8_t>(To::worker));
    CHECK(fields.worker == 9);
    CHECK(fields.content == static_cast<std::uint8_t>(Content::json));
    CHECK(said.body() == "hello");
    CHECK(said.fd.valid());
    CHECK(said.header.request == 0);
}

TEST_CASE("a message of 64 KiB is one packet, and one byte more are two")
{
    Member member;
    const std::size_t over = GENERATE(0u, 1u);
    const std::string text(wire::max_body + over, 'x');
    const ostler_message message = to_worker(9, text);
    CHECK(ostler_worker_send(member.worker, &message, -1) == 0);
    const Said first = member.master.hear();
    CHECK(((first.header.flags & more_follows) != 0) == (over != 0));
    CHECK(first.body().size() == wire::max_body);
    if (over != 0)
        CHECK(member.master.hear().body() == "x");
}

TEST_CASE("a long message goes in parts")
{
    Member member;
    const std::string text(1'000'000, 'x');
    auto sending = in_background([&] {
        const ostler_message message = to_worker(9, text);
        return ostler_worker_send(member.worker, &message, -1);
    });
    CHECK(hear_whole(member.master) == text);
    CHECK(sending.get() == 0);
}

TEST_CASE("a channel without room is said to be full, and half a message goes on later")
{
    Member member;
    const std::string text(100'000, 'x');
    const ostler_message message = to_worker(9, text);
    int rc = 0;
    unsigned sent = 0;
    while ((rc = ostler_worker_send(member.worker, &message, 0)) == 0 && sent < 1000)
        ++sent;
    CHECK(rc == -EAGAIN);
    CHECK(sent > 0);
    CHECK(ostler_worker_send(member.worker, &message, 1) == -EAGAIN);
    auto reading = in_background([&] {
        for (unsigned i = 0; i < sent; ++i)
            if (hear_whole(member.master) != text)
                return false;
        return true;
    });
    SECTION("with the next event")
    {
        member.next(2000);
        CHECK(member.rc == -ETIMEDOUT);
    }
    SECTION("with the next message")
    {
        const ostler_message last = to_worker(9, "");
        CHECK(ostler_worker_send(member.worker, &last, -1) == 0);
    }
    SECTION("with the descriptor in a loop of one's own")
    {
        const int fd = ostler_worker_fd(member.worker);
        CHECK(eventually([&] {
            if (polls_readable(fd, 0))
                member.next(0);
            return reading.wait_for(0s) == std::future_status::ready;
        }));
    }
    SECTION("at the end")
    {
        ostler_worker_close(member.worker);
        member.worker = nullptr;
    }
    CHECK(reading.get());
}

TEST_CASE("a confirmed message says how many got it, or why nobody did")
{
    Member member;
    const ostler_message message = to_worker(9, "hello", OSTLER_CONFIRM);
    auto sending = in_background([&] { return ostler_worker_send(member.worker, &message, -1); });
    const auto request = member.master.hear_of_type<Message>().second;
    CHECK(request != 0);
    SECTION("sent")
    {
        member.master.send(Sent{3}, request + 1); // nobody asked this
        member.master.send(Sent{3}, request);
        CHECK(sending.get() == 3);
    }
    SECTION("refused")
    {
        member.master.send(Refused{ESRCH, "there is no such recipient"}, request);
        CHECK(sending.get() == -ESRCH);
        CHECK(ostler_worker_reason(member.worker) == std::string{"there is no such recipient"});
    }
    SECTION("a new master does not know")
    {
        member.master.send(Resumed{});
        CHECK(sending.get() == -ECONNRESET);
        CHECK(member.master.silent()); // it is not said twice
    }
    SECTION("the master is gone")
    {
        member.master.close();
        CHECK(sending.get() == -EPIPE);
    }
}

TEST_CASE("senseless messages are not sent")
{
    Member member;
    ostler_message message = to_worker(9, "hello");
    CHECK(ostler_worker_send(nullptr, &message, 0) == -EINVAL);
    CHECK(ostler_worker_send(member.worker, nullptr, 0) == -EINVAL);
    SECTION("no data")
    {
        message.data = nullptr;
    }
    SECTION("unknown kind")
    {
        message.kind = 4;
    }
    SECTION("unknown content")
    {
        message.content = 2;
    }
    SECTION("unknown flags")
    {
        message.flags = 8;
    }
    SECTION("too small a structure")
    {
        message.size = 8;
    }
    SECTION("no pool")
    {
        message.kind = OSTLER_POOL;
    }
    const std::string name(65, 'x');
    SECTION("a long name")
    {
        message.kind = OSTLER_POOL;
        message.pool = name.c_str();
    }
    CHECK(ostler_worker_send(member.worker, &message, 0) == -EINVAL);
    message = to_worker(9, "hello");
    message.length = (16 << 20) + 1;
    CHECK(ostler_worker_send(member.worker, &message, 0) == -EMSGSIZE);
    message = to_worker(9, "hello");
    message.fd = 9999;
    CHECK(ostler_worker_send(member.worker, &message, 0) == -EBADF);
    CHECK(member.master.silent());
}

TEST_CASE("a message comes as an event, with its descriptor")
{
    Member member;
    const Visit visit = make_visit();
    member.master.send_part("hello", 0, visit.server.borrow());
    const ostler_event event = member.next();
    CHECK(text_of(event) == "hello");
    CHECK(event.message->kind == OSTLER_WORKER);
    CHECK(event.message->worker == 3);
    CHECK(event.message->pool == std::string{"b"});
    CHECK(event.message->fd == event.fd);
    CHECK(open_here(event.fd));
    ::close(event.fd);
    member.master.send_part("");
    const ostler_event empty = member.next();
    CHECK(text_of(empty).empty());
    CHECK(empty.fd == -1);
}

TEST_CASE("a message in parts comes as one, whatever comes between them")
{
    Member member;
    member.master.send_part("one ", more_follows);
    member.master.send(Replaced{77}); // of a listener that is not there
    member.master.send_part("two ", more_follows | continued);
    member.master.send_part("three", continued);
    CHECK(text_of(member.next()) == "one two three");
}

TEST_CASE("a loop of the program's own hears of each message that came at once")
{
    Member member;
    const int fd = ostler_worker_fd(member.worker);
    constexpr int count = 20; // more than the library reads at a time
    for (int i = 0; i < count; ++i)
        member.master.send_part(std::to_string(i));
    for (int i = 0; i < count; ++i) {
        REQUIRE(polls_readable(fd, 1000));
        CHECK(text_of(member.next(0)) == std::to_string(i));
    }
    CHECK_FALSE(polls_readable(fd, 0));
}

TEST_CASE("parts that do not belong together are skipped")
{
    Member member;
    member.master.send_part("the end of what another master began", continued);
    member.master.send_part("given up", more_follows);
    member.master.send_part("whole");
    CHECK(text_of(member.next()) == "whole");
    member.master.send_part("before the new master", more_follows);
    member.master.send(Resumed{});
    member.master.send_part("never began", continued);
    member.master.send_part("after");
    CHECK(text_of(member.next()) == "after");
    const std::byte torn[] = {std::byte{16}, {}, {}, {}, {}, {}, {}, {}, {}};
    member.master.send_bytes(torn);
    member.next(0);
    CHECK(member.rc == -ETIMEDOUT);
}

TEST_CASE("messages that come before an answer wait for the program, and come before a drain")
{
    Member member;
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(member.worker, "web", -1, &number); });
    const auto request = member.master.hear_of_type<Listen>().second;
    const Queue queue = make_queue();
    member.master.send_part("one");
    member.master.send_part("two");
    member.master.send(Drain{60'000}, 5);
    member.master.grant(request, 0, How::queue, queue.workers.borrow());
    REQUIRE(listening.get() == 0);
    const bool loop = GENERATE(false, true);
    if (loop)
        CHECK(polls_readable(ostler_worker_fd(member.worker), 1000));
    CHECK(text_of(member.next(0)) == "one");
    CHECK(text_of(member.next(0)) == "two");
    CHECK(member.next(0).type == OSTLER_DRAIN);
}

TEST_CASE("what waits for the program is bounded: an answer behind it is not waited for")
{
    Member member;
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(member.worker, "web", -1, &number); });
    const auto request = member.master.hear_of_type<Listen>().second;
    const std::string part(65'000, 'x');
    auto sending = in_background([&] {
        for (int i = 0; i < 300; ++i)
            member.master.send_part(part);
        const Queue queue = make_queue();
        member.master.grant(request, 0, How::queue, queue.workers.borrow());
    });
    CHECK(listening.get() == -EDEADLK);
    for (int i = 0; i < 300; ++i)
        REQUIRE(text_of(member.next()).size() == part.size());
    sending.get();
    member.next(0); // the late answer is given back
    CHECK(member.master.hear_of_type<Close>().first.listener == 0);
}

TEST_CASE("a message of more than 16 MiB is not kept")
{
    Member member;
    auto sending = in_background([&] {
        const std::string part(65'000, 'x');
        member.master.send_part(part, more_follows);
        for (int i = 0; i < 260; ++i)
            member.master.send_part(part, more_follows | continued);
        member.master.send_part("end", continued);
        member.master.send_part("next");
    });
    member.next();
    CHECK(member.rc == -ENOMEM);
    CHECK(text_of(member.next()) == "next");
    sending.get();
}

TEST_CASE("row 23: a worker that disconnects says so at once and ends its channel when it is idle")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    const ostler_event taken = member.next();
    REQUIRE(taken.type == OSTLER_CONNECTION);
    CHECK(ostler_worker_exited_after_disconnect(member.worker) == -1);
    CHECK(ostler_worker_disconnect(member.worker) == 0);
    CHECK(ostler_worker_disconnect(member.worker) == 0); // no effect
    const auto request = member.master.hear_of_type<Leave>().second;
    CHECK(member.master.silent());
    CHECK(ostler_worker_exited_after_disconnect(member.worker) == 1);
    CHECK(ostler_worker_is_connected(member.worker) == 1);
    const Visit late = make_visit();
    queue.pass(2, late.server.borrow());
    member.master.send(Left{}, request);
    member.next(50);
    CHECK(member.rc == -ETIMEDOUT); // neither stop, nor the late one
    CHECK(queue.waiting() == 1);
    member.master.send_part("still there");
    CHECK(text_of(member.next()) == "still there");
    CHECK(ostler_worker_done(member.worker, taken.connection) == 0);
    ::close(taken.fd);
    CHECK(member.next().type == OSTLER_STOP);
    CHECK(member.master.ended());
    CHECK(ostler_worker_is_connected(member.worker) == 0);
    member.next(0);
    CHECK(member.rc == -EPIPE);
    CHECK(ostler_worker_disconnect(member.worker) == 0);
}

TEST_CASE("a worker that disconnects in vain waits for the answer, and hears a drain")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const Visit visit = make_visit();
    queue.pass(1, visit.server.borrow());
    const ostler_event taken = member.next();
    CHECK(ostler_worker_disconnect(member.worker) == 0);
    const auto request = member.master.hear_of_type<Leave>().second;
    member.master.send(Drain{0}, 9);
    member.next(20);
    CHECK(member.rc == -ETIMEDOUT);
    CHECK(member.master.hear_of_type<Drained>().second == 9);
    member.master.send(Resumed{}); // asks again
    member.next(20);
    CHECK(member.master.hear_of_type<Leave>().second == request);
    member.master.send(Left{}, request);
    CHECK(member.next().type == OSTLER_STOP); // its time is over, though one is not done
    ::close(taken.fd);
}

TEST_CASE("row 28: whether somebody wanted the worker to go is known before its end")
{
    Member member;
    CHECK(ostler_worker_exited_after_disconnect(member.worker) == -1);
    SECTION("its master is gone")
    {
        member.master.close();
        member.next(0);
        CHECK(member.rc == -EPIPE);
        CHECK(ostler_worker_exited_after_disconnect(member.worker) == 0);
        CHECK(ostler_worker_is_connected(member.worker) == 0);
        CHECK(ostler_worker_disconnect(member.worker) == -EPIPE);
    }
    SECTION("it was told to drain")
    {
        member.master.send(Drain{0}, 1);
        CHECK(member.next().type == OSTLER_DRAIN);
        CHECK(ostler_worker_exited_after_disconnect(member.worker) == 1);
        CHECK(ostler_worker_disconnect(member.worker) == 0); // it is going already
        CHECK(member.next().type == OSTLER_STOP);
    }
    CHECK(ostler_worker_exited_after_disconnect(nullptr) == -EINVAL);
    CHECK(ostler_worker_is_connected(nullptr) == 0);
    CHECK(ostler_worker_disconnect(nullptr) == -EINVAL);
    CHECK(ostler_worker_kill(nullptr) == -EINVAL);
}
