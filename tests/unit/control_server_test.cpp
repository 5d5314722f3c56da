// SPDX-License-Identifier: MIT
// Requests and replies over the control socket, and the client library.
#include "tests/unit/served.hpp"

using namespace ostler;
using namespace ostler::test;

TEST_CASE("a control request gets its reply, with exit code, sentence and data")
{
    Served served;
    Client client = served.client();
    const Answer scaled = client.request("scale", {{"pool", "api"}, {"workers", 4}}, soon());
    CHECK(scaled.exit == 0);
    CHECK(scaled.message == "api has 4");
    CHECK(scaled.data == boost::json::object{{"workers", 4}});
    CHECK(client.request("status", {{"pool", "nix"}}, soon()).message == "there is no pool nix");
    CHECK(client.request("stop", {}, soon()).data.contains("keeper_pid"));
    CHECK(client.request("restart", {{"target", "api/2"}}, soon()).message == "restarted api/2");
    CHECK(client.request("version", {}, soon()).data.at("role") == "administer");
}

TEST_CASE("progress comes before the reply, in order")
{
    Served served;
    Client client = served.client();
    std::vector<std::string> heard;
    const Answer answer = client.request(
        "reload", {{"dry_run", true}}, soon(),
        {.progress = [&](std::string_view text) { heard.emplace_back(text); }, .line = {}});
    CHECK(answer.message == "would");
    CHECK(heard == std::vector<std::string>{"reading the spec", "comparing"});
}

TEST_CASE("wrong requests are answered with what is wrong")
{
    Served served;
    Client client = served.client();
    struct Case {
        std::string verb;
        boost::json::object arguments;
        std::string sentence;
    };
    const std::vector<Case> cases{
        {"dance", {}, "this daemon knows no such verb"},
        {"scale",
         {{"pool", "api"}},
         "the argument \"workers\" must be a whole number from 0 to 1024"},
        {"scale", {{"pool", 3}, {"workers", 1}}, "the argument \"pool\" must be a string"},
        {"scale",
         {{"pool", "api"}, {"workers", -1}},
         "the argument \"workers\" must be a whole number from 0 to 1024"},
        {"start", {}, "the argument \"pool\" must be a string"},
        {"start", {{"pool", ""}}, "the argument \"pool\" must be a string that is not empty"},
        {"events", {{"target", ""}}, "the argument \"target\" must be a string that is not empty"},
        {"fork",
         {{"pool", "api"}, {"env", {{"OSTLER_POOL", "b"}}}},
         "OSTLER_POOL is set by ostlerd: leave it out of \"env\""},
        {"fork", {{"pool", "api"}, {"env", 1}}, "the argument \"env\" must be an object"},
        {"reload", {{"dry_run", "yes"}}, "the argument \"dry_run\" must be true or false"},
        {"logs", {{"follow", 1}}, "the argument \"follow\" must be true or false"},
    };
    for (const Case& each : cases) {
        const Answer answer = client.request(each.verb, each.arguments, soon());
        CHECK(answer.exit == exit_usage);
        CHECK(answer.message == each.sentence);
    }
}

TEST_CASE("a status of many packets arrives whole, even beside others")
{
    Served served;
    served.operations.status_bytes = 200'000;
    Client one = served.client();
    Client other = served.client();
    for (int turn = 0; turn < 2; ++turn)
        for (Client* client : {&one, &other})
            CHECK(client->request("status", {}, soon()).data.at("pools").at(0).as_string().size() ==
                  200'000);
    served.operations.status_bytes = 17'000'000;
    CHECK(one.request("status", {}, soon()).message == "the answer is longer than 16 MiB");
}

TEST_CASE("several requests may be on their way, the answers name theirs")
{
    Served served;
    const os::UniqueFd fd = served.raw();
    send_raw(fd.borrow(), request_packet(5, {{"verb", "restart"}}));
    send_raw(fd.borrow(), request_packet(6, {{"verb", "version"}}));
    CHECK(next_message(fd.borrow())->request == 6);
    CHECK(next_message(fd.borrow())->request == 5);
}

TEST_CASE(
    "a command that changes something is finished without its client, one that watches is not")
{
    Served served;
    {
        const os::UniqueFd fd = served.raw();
        send_raw(fd.borrow(), request_packet(1, {{"verb", "restart"}}));
        send_raw(fd.borrow(), request_packet(2, {{"verb", "wait-ready"}}));
        CHECK(next_message(fd.borrow())->type == control::Type::progress);
    }
    CHECK(eventually([&] { return served.operations.waits_ended == 1; }));
    CHECK(eventually([&] { return served.operations.restarts_done == 1; }));
    CHECK(eventually([&] { return served.sessions() == 0; }));
}

TEST_CASE("a client's timeout is exit code 2, and its connection can still be used")
{
    Served served;
    Client client = served.client();
    const Answer late = client.request("wait-ready", {}, Client::Clock::now() + 10ms);
    CHECK(late.exit == exit_timeout);
    CHECK(client.request("version", {}, soon()).exit == 0);
}

TEST_CASE("stopping the server ends the sessions and their commands, what was answered arrives")
{
    Served served;
    Client client = served.client();
    const os::UniqueFd watching = served.raw();
    send_raw(watching.borrow(), request_packet(1, {{"verb", "version"}}));
    send_raw(watching.borrow(), request_packet(2, {{"verb", "wait-ready"}}));
    CHECK(eventually([&] { return served.operations.waits_begun == 1; }));
    served.stop();
    CHECK(served.operations.waits_ended == 1);
    CHECK(next_message(watching.borrow())->request == 1);
    CHECK(next_message(watching.borrow())->type == control::Type::progress);
    CHECK(!next_message(watching.borrow()));
    CHECK(client.request("version", {}, soon()).exit == exit_failed);
}

TEST_CASE("without a daemon the client says so")
{
    const test::Scratch scratch;
    const auto absent = Client::connect(scratch / "c");
    REQUIRE(std::holds_alternative<Answer>(absent));
    CHECK(std::get<Answer>(absent).exit == exit_no_daemon);
    CHECK(std::get<Answer>(absent).message ==
          "no daemon answers at " + (scratch / "c") +
              ": start one with `ostler start`, or name its socket with --socket");
    const auto folder = Client::connect(scratch.path());
    CHECK(std::get<Answer>(folder).exit == exit_no_daemon);
    CHECK(std::get<Answer>(Client::connect(std::string(150, 'x'))).exit == exit_usage);
}
