// SPDX-License-Identifier: MIT
// A master that lies can make a worker wait or end, not crash.
#include <cerrno>
#include <random>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/member.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

namespace
{

using Bytes = std::vector<std::byte>;

// Everything a master may say, as bytes.
std::vector<Bytes> everything_said()
{
    std::vector<Bytes> all;
    const auto add = [&](const auto& message) {
        Bytes space(wire::max_packet);
        const auto used = wire::encode(space, message, 2);
        all.emplace_back(used.begin(), used.end());
    };
    add(Welcome{1, 0, 7, 2, 3, "api", "web:admin"});
    add(Refused{95, "no"});
    add(Listening{0, 1, 2, 0, "tcp://127.0.0.1:80", ""});
    add(Listening{1, 1, 0, 0, "", "no"});
    add(Left{});
    add(Replaced{1});
    add(Closed{});
    add(Resumed{});
    return all;
}

// The worker still does its job.
void check_alive(Member& member, const Queue& queue)
{
    Visit visit = make_visit();
    queue.pass(5, visit.server.borrow());
    const ostler_event event = member.next();
    REQUIRE(event.type == OSTLER_CONNECTION);
    ::close(event.fd);
    CHECK(ostler_worker_done(member.worker, event.connection) == 0);
}

void swallow(Member& member)
{
    while (member.next(0).type != 0) {
    }
    REQUIRE(member.rc == -ETIMEDOUT);
}

} // namespace

TEST_CASE("packets cut at every byte, with and without a descriptor, are skipped")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const Visit visit = make_visit();
    for (const Bytes& packet : everything_said())
        for (std::size_t size = 1; size <= packet.size(); ++size) {
            member.master.send_bytes(std::span{packet}.first(size));
            member.master.send_bytes(std::span{packet}.first(size), visit.server.borrow());
            swallow(member);
        }
    check_alive(member, queue);
}

TEST_CASE("packets of any type and any bytes are skipped, also while an answer is awaited")
{
    Member member;
    std::mt19937 random{4711};
    std::uniform_int_distribution<int> type{0, 40}, byte{0, 255}, length{1, 60};
    const auto send_nonsense = [&] {
        Bytes packet(static_cast<std::size_t>(length(random)));
        for (std::byte& each : packet)
            each = static_cast<std::byte>(byte(random));
        packet[0] = static_cast<std::byte>(type(random));
        if (packet[0] == static_cast<std::byte>(Type::drain))
            packet[0] = std::byte{0}; // would be obeyed
        if (packet.size() > 1)
            packet[1] = std::byte{0};
        member.master.send_bytes(packet);
    };
    for (int i = 0; i < 2'000; ++i) {
        send_nonsense();
        swallow(member);
    }
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(member.worker, "web", 20'000, &number); });
    for (int i = 0; i < 100; ++i)
        send_nonsense();
    const Queue queue = member.master.grant_queue();
    REQUIRE(listening.get() == 0);
    check_alive(member, queue);
}

TEST_CASE("answers to what was never asked do nothing")
{
    Member member;
    const Queue queue = member.listen_to_queue();
    const Visit visit = make_visit();
    for (const std::uint32_t request : {0u, 1u, 2u, 3u, 0xffffffffu}) {
        member.master.send(Left{}, request);
        member.master.send(Closed{}, request);
        member.master.send(Refused{1, "no"}, request);
        member.master.send(Welcome{}, request);
        member.master.grant(request, 8, How::socket, visit.server.borrow());
        member.master.send(Replaced{77}, request, visit.server.borrow());
    }
    swallow(member);
    CHECK(member.master.silent());
    CHECK(ostler_listener_kind(member.worker, 8) == -EINVAL);
    CHECK(ostler_worker_id(member.worker) == 7);
    check_alive(member, queue);
}

TEST_CASE("the same number for a second listener is refused")
{
    Member member;
    const Queue queue = member.listen_to_queue(1);
    const Queue other = make_queue();
    Listening answer;
    answer.listener = 1;
    answer.how = static_cast<std::uint8_t>(How::queue);
    CHECK(member.listen_answered(answer, other.workers.borrow()) == -EPROTO);
}

TEST_CASE("at the 65th listener there is no place")
{
    Member member;
    std::vector<Queue> queues;
    for (std::uint32_t i = 0; i < max_listeners; ++i)
        queues.push_back(member.listen_to_queue(i));
    const Queue one_more = make_queue();
    Listening answer;
    answer.listener = 1'000;
    answer.how = static_cast<std::uint8_t>(How::queue);
    CHECK(member.listen_answered(answer, one_more.workers.borrow()) == -EMFILE);
    CHECK(member.master.hear_of_type<Close>().first.listener == 1'000);
    check_alive(member, queues.back());
}
