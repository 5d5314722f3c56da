// SPDX-License-Identifier: MIT
#include <array>
#include <limits>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/rotation.hpp"
#include "tests/unit/scene.hpp"

using namespace ostler;
using namespace ostler::test;

namespace
{

config::Socket shedding()
{
    auto spec = tcp_socket();
    spec.overflow = config::Overflow::shed;
    return spec;
}

} // namespace

TEST_CASE("a rotation gives each willing one a turn a round, and skips without favour")
{
    Rotation rotation;
    std::array<bool, 4> willing{true, true, true, true};
    std::array<unsigned, 4> turns{};
    const auto take = [&](unsigned count) {
        turns = {};
        for (unsigned i = 0; i < count; ++i) {
            const auto ask = [&](std::size_t who) { return willing[who]; };
            const auto chosen = rotation.choose(willing.size(), ask, ask);
            rotation.taken(*chosen);
            ++turns[*chosen];
        }
        return turns;
    };
    CHECK(take(400) == std::array<unsigned, 4>{100, 100, 100, 100});
    willing[2] = false;
    CHECK(take(300) == std::array<unsigned, 4>{100, 100, 0, 100});
    willing[2] = true;
    CHECK(take(400) == std::array<unsigned, 4>{100, 100, 100, 100});
}

TEST_CASE("when nobody is willing a rotation takes the next with room, and nobody without")
{
    Rotation rotation;
    const auto nobody = [](std::size_t) { return false; };
    const auto only_second = [](std::size_t who) { return who == 1; };
    CHECK(rotation.choose(3, nobody, only_second) == 1);
    CHECK(rotation.choose(3, nobody, nobody) == std::nullopt);
    CHECK(rotation.choose(0, nobody, nobody) == std::nullopt);
}

TEST_CASE("a rotation stops at one that is worth waiting for, when it is that one's turn")
{
    Rotation rotation;
    const auto stopped = [&](std::size_t willing, std::size_t coming) {
        return rotation.stopped(
            3, [&](std::size_t who) { return who == willing; },
            [&](std::size_t who) { return who == coming; });
    };
    CHECK(stopped(1, 0));
    CHECK(!stopped(1, 2));
    CHECK(stopped(9, 2)); // nobody is willing, and one will be
    CHECK(!stopped(9, 9));
    rotation.taken(1);
    CHECK(stopped(1, 2));
    CHECK(!stopped(2, 1));
}

TEST_CASE("connections go round strictly, and equal workers get equal shares")
{
    Scene scene{4};
    serve_each(scene, 400, [](std::size_t) { return true; });
    for (const FakeWorker& worker : scene.workers) {
        CHECK(worker.served == 100);
        CHECK(worker.intake->passed() == 100);
    }
    CHECK(scene.listener->counters().accepted == 400);
}

TEST_CASE("what finds no room waits in the kernel's backlog until there is some")
{
    Scene scene{2};
    scene.connect(20);
    REQUIRE(scene.until_passed(8));
    CHECK(wake_ups(scene.loop, 0ms) < 100);
    CHECK(scene.passed() == 8);
    CHECK(scene.pending(0) == 4);
    CHECK(scene.pending(1) == 4);
    CHECK(scene.listener->backlog_waiting() == 12);
    CHECK(scene.listener->counters().accepted == 8);

    REQUIRE(scene.workers[1].serve_one());
    REQUIRE(scene.until_passed(9));
    CHECK(scene.pending(1) == 4);
}

TEST_CASE("with no worker at all connections wait in the backlog, and the loop is not woken")
{
    Scene scene{0};
    scene.connect(3);
    CHECK(wake_ups(scene.loop, 50ms) == 0);
    CHECK(scene.listener->backlog_waiting() == 3);
    FakeWorker& first = scene.add_worker();
    REQUIRE(scene.until_passed(3));
    CHECK(first.serve_one());
}

TEST_CASE("nothing wakes the loop while nothing happens")
{
    Scene scene{3};
    serve_each(scene, 3, [](std::size_t) { return true; });
    (void)wake_ups(scene.loop, 50ms); // the last look at the queues
    CHECK(wake_ups(scene.loop, 200ms) == 0);
}

TEST_CASE("shedding resets what finds no room, and counts it")
{
    Scene scene{1, shedding()};
    scene.connect(6);
    REQUIRE(scene.until([&] { return scene.listener->counters().shed == 2; }));
    CHECK(scene.passed() == 4);
    CHECK(scene.clients[4].heard() == "reset");
    CHECK(scene.clients[5].heard() == "reset");
    CHECK(scene.clients[0].heard() == "");
}

TEST_CASE("shedding begins with the first worker: while the daemon starts, connections wait")
{
    Scene scene{0, shedding()};
    scene.connect(2);
    CHECK(wake_ups(scene.loop, 20ms) == 0);
    CHECK(scene.clients[0].heard() == "");
    scene.add_worker();
    REQUIRE(scene.until_passed(2));
    scene.workers[0].intake.reset();
    REQUIRE(scene.until([&] { return scene.listener->counters().shed == 2; }));
    const Client& late = scene.connect();
    REQUIRE(scene.until([&] { return late.heard() == "reset"; }));
}

TEST_CASE("a busy worker is passed over, and the others share alike")
{
    Scene scene{4};
    scene.workers[2].busy_since(Clock::now());
    (void)wake_ups(scene.loop, 5ms); // now it has been so for more than three
    serve_each(scene, 300, [](std::size_t) { return true; });
    CHECK(scene.workers[2].served == 0);
    for (const std::size_t other : {0u, 1u, 3u})
        CHECK(scene.workers[other].served == 100);
    scene.workers[2].idle();
    serve_each(scene, 4, [](std::size_t) { return true; });
    CHECK(scene.workers[2].served == 1);
}

TEST_CASE("when all are busy they get connections none the less")
{
    Scene scene{2};
    for (FakeWorker& worker : scene.workers)
        worker.busy_since(Clock::now());
    (void)wake_ups(scene.loop, 5ms);
    scene.connect(8);
    REQUIRE(scene.until_passed(8));
    CHECK(scene.pending(0) == 4);
    CHECK(scene.pending(1) == 4);
}

TEST_CASE("a page full of nonsense harms only its own worker")
{
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
    const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch() / 1ns);
    const std::array<std::uint64_t, 6> values{
        0, 1, largest, now + 3'600'000'000'000, now, now - 3'600'000'000'000};
    Scene scene{4};
    FakeWorker& liar = scene.workers[1];
    for (const std::uint64_t value : values) {
        liar.page.store(value, value, value);
        serve_each(scene, 40, [](std::size_t) { return true; });
    }
    const unsigned share = scene.workers[0].served;
    CHECK(share >= 60); // a quarter of 240, or more when the liar said that it is busy
    for (const std::size_t other : {2u, 3u}) { // two for what may be moved away from the liar
        CHECK(scene.workers[other].served + 2 >= share);
        CHECK(scene.workers[other].served <= share + 2);
    }
}

TEST_CASE("short of descriptors it waits and goes on by itself, and no connection is lost")
{
    // The undefined-behaviour sanitizer looks at an object of a type that is new to it through a
    // pipe, for which there would be no descriptors: so it meets the logger before, which is
    // silent.
    spdlog::warn("descriptors run short on purpose");
    spdlog::set_level(spdlog::level::off);
    Scene scene{1};
    (void)scene.until([&] { return wake_ups(scene.loop, 1ms) == 0; });
    scene.connect(2);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const os::UniqueFd next{os::adopt, ::dup(0)};
    const rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const bool noticed =
        scene.until([&] { return scene.listener->counters().out_of_descriptors > 0; });
    const std::size_t woken = wake_ups(scene.loop, 300ms);
    ::setrlimit(RLIMIT_NOFILE, &before);
    spdlog::set_level(spdlog::level::info);
    CHECK(noticed);
    CHECK(woken <= 4); // its timer, not the connections
    CHECK(scene.passed() == 0);
    REQUIRE(scene.until_passed(2));
}

TEST_CASE("accepting stops with the daemon, and what was passed is still served")
{
    Scene scene{1};
    scene.connect(1);
    REQUIRE(scene.until_passed(1));
    scene.listener->stop_accepting();
    scene.connect(2);
    CHECK(wake_ups(scene.loop, 200ms) < 60);
    CHECK(scene.passed() == 1);
    CHECK(scene.workers[0].serve_one());
}
