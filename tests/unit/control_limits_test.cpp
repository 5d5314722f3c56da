// SPDX-License-Identifier: MIT
// Clients that lie, are silent, ask too much or never read: each harms itself alone.
#include "ipc/os/packet.hpp"
#include "tests/unit/served.hpp"

using namespace ostler;
using namespace ostler::test;

TEST_CASE("garbage on the control socket costs its sender an error or the connection, nobody else")
{
    Served served;
    Client bystander = served.client();

    const os::UniqueFd no_json = served.raw();
    send_raw(no_json.borrow(), request_packet(9, {}).substr(0, 8) + "nonsense");
    const auto told = next_message(no_json.borrow());
    CHECK(told->request == 9);
    CHECK(told->body.at("exit") == exit_usage);
    send_raw(no_json.borrow(), request_packet(10, {{"verb", "version"}}));
    CHECK(next_message(no_json.borrow())->body.at("exit") == 0); // it may go on

    const os::UniqueFd half = served.raw();
    send_raw(half.borrow(), "half");
    CHECK(next_message(half.borrow())->request == control::connection_itself);
    CHECK(!next_message(half.borrow()));

    const os::UniqueFd endless = served.raw();
    std::string part = request_packet(1, {}).substr(0, 8) + std::string(control::max_part, ' ');
    part[2] = 1;                  // more
    for (int i = 0; i < 280; ++i) // until it is cut off
        static_cast<void>(
            os::send_packet(endless.borrow(), std::as_bytes(std::span{part}), {}, os::Wait::wait));
    CHECK(next_message(endless.borrow())->body.at("exit") == exit_usage);
    CHECK(!next_message(endless.borrow()));

    const os::UniqueFd gift = served.raw();
    const std::vector<int> lent(control::max_handles + 1, gift.get());
    const std::string packet = request_packet(1, {{"verb", "version"}});
    const auto give = [&](std::size_t count) {
        CHECK(os::send_packet(gift.borrow(), std::as_bytes(std::span{packet}),
                              std::span{lent}.first(count)) == 0);
        return next_message(gift.borrow());
    };
    CHECK(give(control::max_handles)->body.at("exit") == exit_usage); // and it may go on
    CHECK(give(control::max_handles + 1)->request == control::connection_itself);

    const os::UniqueFd late_gift = served.raw(); // with the second part
    part = request_packet(1, {}).substr(0, 8) + "{";
    part[2] = 1;
    send_raw(late_gift.borrow(), part);
    CHECK(os::send_packet(late_gift.borrow(), std::as_bytes(std::span{part}),
                          std::span{lent}.first(1)) == 0);
    CHECK(next_message(late_gift.borrow())->request == control::connection_itself);

    CHECK(bystander.request("version", {}, soon()).exit == 0);
    CHECK(eventually([&] { return served.sessions() == 2; }));
}

TEST_CASE("a bug in a command costs its session alone")
{
    Served served;
    spdlog::set_level(spdlog::level::off);
    Client client = served.client();
    const Answer answer = client.request("stop", {{"pool", "api"}}, soon());
    CHECK(answer.exit == exit_failed);
    CHECK(answer.message.find("without an answer") != std::string::npos);
    CHECK(served.client().request("version", {}, soon()).exit == 0);
}

TEST_CASE("silent connections are dropped for new ones, the longest unused first")
{
    Served served{{.sessions = 3}};
    const os::UniqueFd oldest = served.raw();
    const os::UniqueFd used = served.raw();
    const os::UniqueFd third = served.raw();
    CHECK(eventually([&] { return served.sessions() == 3; }));
    send_raw(used.borrow(), request_packet(1, {{"verb", "version"}}));
    CHECK(next_message(used.borrow())->request == 1);

    CHECK(served.client().request("version", {}, soon()).exit == 0);
    CHECK(next_message(oldest.borrow())->request == control::connection_itself);
    CHECK(!next_message(oldest.borrow()));
    send_raw(used.borrow(), request_packet(2, {{"verb", "version"}}));
    CHECK(next_message(used.borrow())->request == 2);
}

TEST_CASE("whoever uses up all connections himself gets no more")
{
    Served served{{.sessions = 2}};
    const os::UniqueFd one = served.raw();
    const os::UniqueFd two = served.raw();
    for (const auto* fd : {&one, &two}) {
        send_raw(fd->borrow(), request_packet(1, {{"verb", "wait-ready"}}));
        CHECK(next_message(fd->borrow())->type == control::Type::progress);
    }
    Client third = served.client();
    CHECK(third.request("version", {}, soon()).message ==
          "too many control connections: close some of yours");
}

TEST_CASE("a thousand silent connections do not keep anybody out")
{
    Served served{{.sessions = 100}};
    for (int i = 0; i < 10; ++i) {
        std::vector<os::UniqueFd> silent;
        silent.reserve(100);
        for (int j = 0; j < 100; ++j)
            silent.push_back(served.raw());
        CHECK(served.client().request("version", {}, soon()).exit == 0);
    }
    CHECK(eventually([&] { return served.sessions() == 0; }));
}

TEST_CASE("too many requests at a time on one connection are refused one by one")
{
    Served served;
    const os::UniqueFd fd = served.raw();
    for (std::uint32_t i = 1; i <= ControlSession::most_requests + 1; ++i) {
        send_raw(fd.borrow(), request_packet(i, {{"verb", "wait-ready"}}));
    }
    std::optional<control::Message> message;
    while ((message = next_message(fd.borrow())) && message->type != control::Type::reply)
        ;
    CHECK(message->request == ControlSession::most_requests + 1);
    CHECK(message->body.at("exit") == exit_failed);
}

TEST_CASE("a client that does not read is cut off, and what waits for it is bounded")
{
    Served served{{.patience = 50ms}};
    served.operations.status_bytes = 2'000'000;
    const os::UniqueFd fd = served.raw();
    const std::string packet = request_packet(1, {{"verb", "status"}});
    for (int i = 0; i < 20; ++i)
        static_cast<void>(os::send_packet(fd.borrow(), std::as_bytes(std::span{packet}), {}));
    CHECK(eventually([&] { return served.sessions() == 0; }));
}

TEST_CASE("a broken packet ends the connection, not the command that it asked for before")
{
    Served served;
    {
        const os::UniqueFd raw = served.raw();
        const auto packets = control::packets_of({control::Type::request, 1, {{"verb", "restart"}}},
                                                 control::max_request);
        REQUIRE(::send(raw.get(), packets[0].data(), packets[0].size(), 0) > 0);
        REQUIRE(::send(raw.get(), "x", 1, 0) == 1);
    }
    CHECK(test::eventually([&] { return served.operations.restarts_done == 1; }));
    CHECK(test::eventually([&] { return served.sessions() == 0; }));
}
