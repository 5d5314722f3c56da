// SPDX-License-Identifier: MIT
// Lines and events that go on until the client leaves.
#include "tests/unit/served.hpp"

using namespace ostler;
using namespace ostler::test;

TEST_CASE("logs: the lines that are kept, then those that come, until the client leaves")
{
    Served served;
    served.on_loop([&] {
        served.logs.kept = {line(1, "one"), line(2, "two"), line(3, "thr\xff")};
    });
    std::vector<std::string> texts;
    const Client::Listening listening{.progress = {}, .line = [&](const boost::json::object& got) {
                                          texts.emplace_back(got.at("text").as_string());
                                      }};
    Client client = served.client();
    CHECK(client.request("logs", {{"lines", 2}}, soon(), listening).exit == 0);
    CHECK(texts == std::vector<std::string>{"two", "thr\ufffd"});
    CHECK(client.request("logs", {{"target", "nix"}}, soon()).message == "there is no pool nix");
    {
        const os::UniqueFd fd = served.raw();
        send_raw(fd.borrow(),
                 request_packet(1, {{"verb", "logs"}, {"lines", 0}, {"follow", true}}));
        CHECK(eventually([&] { return served.logs.following == 1; }));
        served.on_loop([&] {
            for (auto& [id, sink] : served.logs.followers)
                sink(line(4, "four"));
        });
        CHECK(next_message(fd.borrow())->body.at("text") == "four");
    }
    CHECK(eventually([&] { return served.logs.following == 0; }));
}

TEST_CASE("lines for a follower who does not keep up get lost, and he is told how many")
{
    Served served;
    const os::UniqueFd fd = served.raw();
    send_raw(fd.borrow(), request_packet(1, {{"verb", "logs"}, {"follow", true}}));
    CHECK(eventually([&] { return served.logs.following == 1; }));
    const auto print = [&](std::uint64_t count) {
        served.on_loop([&, count] {
            for (std::uint64_t i = 1; i <= count; ++i)
                for (auto& [id, sink] : served.logs.followers)
                    sink(line(i, std::string(1000, 'x')));
        });
    };
    print(3000);
    std::uint64_t received = 0, lost = 0;
    while (received + lost < 3001) {
        const auto message = next_message(fd.borrow());
        REQUIRE(message);
        if (const auto* told = message->body.if_contains("lost"))
            lost = told->to_number<std::uint64_t>();
        else
            ++received;
        if (received == 900) // there is room again
            print(1);
    }
    CHECK(received > 900);
    CHECK(lost > 0);
}

TEST_CASE("events: those that are kept from a number on, then those that come")
{
    Served served;
    served.on_loop([&] {
        for (std::uint64_t worker = 1; worker <= 3; ++worker)
            served.events.tell(EventKind::fork, {"api", 0, worker}, {{"generation", 1}});
    });
    std::vector<boost::json::object> got;
    Client::Listening listening;
    listening.event = [&](const boost::json::object& event) { got.push_back(event); };
    Client client = served.client();
    const auto answer = client.request("events", {{"since", 1}}, soon(), listening);
    CHECK(answer.exit == 0);
    CHECK(answer.data.at("last") == 3);
    REQUIRE(got.size() == 2);
    CHECK(got[0].at("number") == 2);
    CHECK(got[0].at("event") == "fork");
    CHECK(got[1].at("worker") == 3);

    CHECK(client.request("events", {{"since", 4}}, soon()).exit == exit_failed);
    CHECK(client.request("events", {{"target", "nope"}}, soon()).exit == exit_failed);
    CHECK(client.request("version", {}, soon()).data.at("last_event") == 3);

    std::thread later{[&] {
        served.on_loop([&] { served.events.tell(EventKind::exit, {"api", 0, 3}); });
    }};
    const auto until = Client::Clock::now() + 300ms;
    CHECK(client.request("events", {{"follow", true}, {"since", 3}}, until, listening).exit ==
          exit_timeout);
    later.join();
    CHECK(got.back().at("event") == "exit");
}

TEST_CASE("events that were pushed out of the ring are counted")
{
    Served served;
    served.on_loop([&] {
        for (std::uint64_t i = 0; i < Events::kept + 5; ++i)
            served.events.tell(EventKind::online, {"api", 0, 1});
    });
    std::uint64_t missed = 0;
    std::size_t events = 0;
    Client::Listening listening;
    listening.event = [&](const boost::json::object& event) {
        if (const auto* count = event.if_contains("missed"))
            missed = count->to_number<std::uint64_t>();
        else
            ++events;
    };
    CHECK(served.client().request("events", {}, soon(), listening).exit == 0);
    CHECK(missed == 5);
    CHECK(events == Events::kept);
}

TEST_CASE("log targets: a pool, a slot or a worker")
{
    struct Case {
        std::string text, pool;
        std::optional<unsigned> slot;
        std::uint64_t worker;
    };
    for (const Case& each :
         {Case{"", "", {}, 0}, Case{"api", "api", {}, 0}, Case{"api/2", "api", 2, 0},
          Case{"17", "", {}, 17}, Case{"api/x", "api/x", {}, 0}, Case{"7x", "7x", {}, 0}}) {
        const auto filter = log_filter(each.text);
        CHECK(filter.pool == each.pool);
        CHECK(filter.slot == each.slot);
        CHECK(filter.worker == each.worker);
    }
}
