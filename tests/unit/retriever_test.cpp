// SPDX-License-Identifier: MIT
// What a worker has not taken, and does not take.
#include <sys/socket.h>

#include "tests/unit/scene.hpp"

using namespace ostler;
using namespace ostler::test;

TEST_CASE("a worker that dies loses none of the connections it had not taken")
{
    Scene scene{3};
    scene.connect(9);
    REQUIRE(scene.until_passed(9));
    REQUIRE(scene.pending(1) == 3);
    scene.workers[1].intake->pause();
    scene.workers[1].intake.reset();
    REQUIRE(scene.until([&] {
        scene.workers[0].serve_one();
        scene.workers[2].serve_one();
        return scene.workers[0].served + scene.workers[2].served == 9;
    }));
    CHECK(scene.listener->counters().taken_back >= 3);
    for (const Client& client : scene.clients)
        CHECK(client.heard() == ".");
}

TEST_CASE("what the last worker left waits for the next, ahead of the backlog")
{
    Scene scene{1};
    scene.connect(6);
    REQUIRE(scene.until_passed(4));
    scene.workers[0].intake.reset();
    REQUIRE(scene.until([&] { return scene.listener->counters().taken_back == 4; }));
    CHECK(scene.clients[0].heard() == "");
    FakeWorker& next = scene.add_worker();
    REQUIRE(scene.until([&] {
        next.serve_one();
        return next.served == 6;
    }));
    CHECK(next.intake->passed() == 6);
    CHECK(scene.listener->counters().accepted == 6);
}

TEST_CASE("what nobody takes is reset when the spec's patience ends, and counted")
{
    auto spec = tcp_socket();
    spec.patience = 50ms;
    Scene scene{1, spec};
    scene.connect(2);
    REQUIRE(scene.until_passed(2));
    scene.workers[0].intake.reset();
    REQUIRE(scene.until([&] { return scene.listener->counters().shed == 2; }));
    CHECK(scene.clients[0].heard() == "reset");
    CHECK(scene.clients[1].heard() == "reset");
}

TEST_CASE("a worker that drains gets nothing more, and keeps what it has until it is reclaimed")
{
    Scene scene{2};
    scene.connect(2);
    REQUIRE(scene.until_passed(2));
    scene.workers[0].intake->pause();
    scene.workers[1].busy_since(Clock::now()); // so that nothing is moved to it meanwhile
    (void)wake_ups(scene.loop, 5ms);
    scene.connect(3);
    REQUIRE(scene.until_passed(5));
    CHECK(scene.pending(0) == 1);
    scene.workers[0].intake->reclaim();
    REQUIRE(scene.until([&] { return scene.listener->counters().taken_back == 1; }));
    CHECK(scene.pending(0) == 0);
    CHECK(scene.workers[0].intake->passed() == 0);
    REQUIRE(scene.until([&] {
        scene.workers[1].serve_one();
        return scene.workers[1].served == 5;
    }));
}

TEST_CASE("what waits behind a busy worker goes to one that is idle")
{
    Scene scene{2};
    scene.connect(4);
    REQUIRE(scene.until_passed(4));
    REQUIRE(scene.workers[0].serve_one()); // and blocks in the next thing it does
    scene.workers[0].busy_since(Clock::now());
    while (scene.workers[1].serve_one()) {
    }
    REQUIRE(scene.until([&] { return scene.pending(0) == 0; }));
    REQUIRE(scene.until([&] { return scene.workers[1].serve_one(); }));
    CHECK(scene.listener->counters().taken_back == 1);
}

TEST_CASE("what a stopped worker leaves lying goes to others, and it gets little until it takes")
{
    Scene scene{2};
    const auto only_second = [](std::size_t who) { return who == 1; };
    serve_each(scene, 20, only_second); // every one is answered
    CHECK(scene.listener->counters().taken_back >= 1);
    CHECK(scene.listener->counters().taken_back <= 5); // not ten: it is doubted
    // It runs again: after a rest it is tried with one, takes it, and has its share again.
    REQUIRE(scene.until([&] {
        serve_each(scene, 1, [](std::size_t) { return true; });
        return scene.workers[0].served > 0;
    }));
    const unsigned before = scene.workers[0].served;
    serve_each(scene, 10, [](std::size_t) { return true; });
    CHECK(scene.workers[0].served == before + 5);
}

TEST_CASE("with every worker stopped nothing wanders: connections stay where they are")
{
    Scene scene{2};
    scene.connect(8);
    REQUIRE(scene.until_passed(8));
    (void)wake_ups(scene.loop, 400ms);
    CHECK(scene.listener->counters().taken_back == 0);
    while (scene.workers[0].serve_one() || scene.workers[1].serve_one()) {
    }
    CHECK(scene.workers[0].served + scene.workers[1].served >= 8);
}

TEST_CASE("a worker that shuts its queue harms only itself")
{
    Scene scene{2};
    REQUIRE(::shutdown(scene.workers[0].intake->given().get(), SHUT_RDWR) == 0);
    serve_each(scene, 10, [](std::size_t) { return true; });
    CHECK(scene.workers[1].served == 10);
}

TEST_CASE("an intake may outlive its listener")
{
    Scene scene{1};
    scene.connect(1);
    REQUIRE(scene.until_passed(1));
    scene.listener.reset();
    CHECK(scene.workers[0].serve_one());
    scene.workers[0].intake->reclaim();
    scene.workers[0].intake.reset();
}
