// SPDX-License-Identifier: MIT
#include "daemon/queue.hpp"

#include <algorithm>
#include <atomic>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

#include "ipc/os/packet.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using wire::native::Connection;

namespace
{

Queue make_queue()
{
    return Queue::make(Queue::fitting_send_buffer()).value();
}

void offer(const Queue& queue, std::uint64_t id)
{
    Connection packet;
    packet.id = id;
    // Any descriptor will do.
    REQUIRE(queue.offer(packet, queue.far()) == 0);
}

bool writable(const Queue& queue)
{
    pollfd poll{queue.near().get(), POLLOUT, 0};
    return ::poll(&poll, 1, 0) == 1 && (poll.revents & POLLOUT) != 0;
}

std::vector<TakenBack> all_of(const Queue& queue)
{
    std::vector<TakenBack> found;
    REQUIRE(take_back(*queue.ends(), 100, found));
    return found;
}

// Leaves `spare` descriptors to this process until its end.
class FewDescriptors
{
public:
    explicit FewDescriptors(rlim_t spare)
    {
        const os::UniqueFd next{os::adopt, ::dup(0)};
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{static_cast<rlim_t>(next.get()) + spare, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

} // namespace

TEST_CASE("a queue is writable as soon as three wait in it, and not with four")
{
    const Queue queue = make_queue();
    for (std::uint64_t id = 1; id <= Queue::depth; ++id) {
        CHECK(writable(queue));
        offer(queue, id);
        CHECK(queue.waiting() == id);
    }
    CHECK(!writable(queue));
    std::vector<TakenBack> found;
    REQUIRE(take_back(*queue.ends(), 1, found));
    CHECK(queue.waiting() == 3);
    CHECK(writable(queue));
}

TEST_CASE("what is read back from a queue comes in order, with its descriptors")
{
    const Queue queue = make_queue();
    for (std::uint64_t id = 1; id <= 3; ++id)
        offer(queue, id);
    const auto found = all_of(queue);
    REQUIRE(found.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(found[i].packet.id == i + 1);
        CHECK(found[i].fd.valid());
    }
    CHECK(queue.waiting() == 0);
    CHECK(all_of(queue).empty());
}

TEST_CASE("a worker cannot write into its queue")
{
    const Queue queue = make_queue();
    CHECK(::send(queue.far().get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1);
    CHECK(errno == EPIPE);
}

TEST_CASE("a worker that shuts its queue is refused, and what was in it can be read back")
{
    const Queue queue = make_queue();
    offer(queue, 1);
    REQUIRE(::shutdown(queue.far().get(), SHUT_RD) == 0);
    CHECK(queue.offer({}, queue.far()) == -EPIPE);
    CHECK(all_of(queue).size() == 1);
}

TEST_CASE("reading back stops before it would lose a connection for want of a descriptor")
{
    const Queue queue = make_queue();
    for (std::uint64_t id = 1; id <= 3; ++id)
        offer(queue, id);
    std::vector<TakenBack> found;
    found.reserve(3);
    bool complete = true;
    {
        const FewDescriptors two{2};
        complete = take_back(*queue.ends(), 100, found);
    }
    CHECK(!complete);
    CHECK(found.size() == 2);
    CHECK(all_of(queue).size() == 1);
}

TEST_CASE("reading back while the worker reads too loses none and doubles none")
{
    const Queue queue = make_queue();
    constexpr std::uint64_t total = 4000;
    std::vector<TakenBack> back;
    std::vector<std::uint64_t> seen;
    std::atomic<bool> over{false};
    std::thread worker{[&] {
        std::vector<TakenBack> taken;
        while (!over.load()) {
            (void)take_back(*queue.ends(), 1, taken);
            for (const TakenBack& one : std::exchange(taken, {}))
                seen.push_back(one.packet.id);
        }
    }};
    std::vector<std::uint64_t> returned;
    for (std::uint64_t id = 1; id <= total;) {
        Connection packet;
        packet.id = id;
        if (queue.offer(packet, queue.far()) == 0)
            ++id;
        (void)take_back(*queue.ends(), 1, back);
        for (const TakenBack& one : std::exchange(back, {}))
            returned.push_back(one.packet.id);
    }
    while (queue.waiting() > 0)
        std::this_thread::yield();
    over.store(true);
    worker.join();
    seen.insert(seen.end(), returned.begin(), returned.end());
    std::sort(seen.begin(), seen.end());
    REQUIRE(seen.size() == total);
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}
