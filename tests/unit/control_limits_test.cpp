// SPDX-License-Identifier: MIT
// Clients that lie, are silent, ask too much or never read: each harms itself alone.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

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

namespace
{

// The first part of a request, with so many descriptors; the rest is not sent.
void begin_request(os::FdRef fd, std::size_t descriptors)
{
    std::string part = request_packet(1, {}).substr(0, 8) + "{";
    part[2] = 1; // more
    const std::vector<int> lent(descriptors, STDIN_FILENO);
    CHECK(os::send_packet(fd, std::as_bytes(std::span{part}), lent, os::Wait::wait) == 0);
}

std::string farewell(os::FdRef fd)
{
    const auto told = next_message(fd);
    return told && told->request == control::connection_itself
               ? std::string{told->body.at("message").as_string()}
               : "none";
}

} // namespace

TEST_CASE("a request that is not finished ends the connection after a while")
{
    Served served{{.patience = 50ms}};
    const os::UniqueFd idle = served.raw();
    const os::UniqueFd half = served.raw();
    begin_request(half.borrow(), 2);
    CHECK(farewell(half.borrow()) == "the rest of a request did not come in time");
    CHECK(!next_message(half.borrow()));
    send_raw(idle.borrow(), request_packet(1, {{"verb", "version"}}));
    CHECK(next_message(idle.borrow())->body.at("exit") == 0); // who begins nothing may be silent
}

namespace
{

// Its close() waits for the other end, which reads nothing until it is gone.
struct Lingering {
    Lingering()
    {
        os::UniqueFd listening{os::adopt, ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_in any{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof any;
        auto* address = reinterpret_cast<sockaddr*>(&any);
        REQUIRE(::bind(listening.get(), address, size) == 0);
        REQUIRE(::listen(listening.get(), 1) == 0);
        REQUIRE(::getsockname(listening.get(), address, &size) == 0);
        ours.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(ours.get(), address, size) == 0);
        other.reset(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const linger slow{1, 600};
        REQUIRE(::setsockopt(ours.get(), SOL_SOCKET, SO_LINGER, &slow, sizeof slow) == 0);
        const std::string unsent(1 << 20, 'x');
        while (::send(ours.get(), unsent.data(), unsent.size(), MSG_DONTWAIT) > 0)
            ;
    }
    os::UniqueFd ours, other;
};

} // namespace

TEST_CASE("closing what a client has sent stops nobody else")
{
    Lingering slow; // who closes the last copy waits
    Served served;
    Client bystander = served.client();
    const os::UniqueFd client = served.raw();
    const std::string whole = request_packet(1, {{"verb", "version"}});
    const auto send_it = [&](const std::string& packet, std::size_t copies) {
        const std::vector<int> lent(copies, slow.ours.get());
        const int rc = os::send_packet(client.borrow(), std::as_bytes(std::span{packet}), lent);
        if (copies != 0)
            slow.ours.reset();
        return rc == 0;
    };
    bool sent = false;
    SECTION("that nobody has read")
    {
        // The loop looks when all of it is there.
        sent = served.on_loop([&] { return send_it("broken", 0) && send_it(whole, 1); });
    }
    SECTION("that are too many")
    {
        sent = served.on_loop([&] { return send_it(whole, os::max_packet_fds); });
    }
    SECTION("with the end")
    {
        sent = served.on_loop([&] { return send_it("", 1); });
    }
    CHECK(sent);
    CHECK(bystander.request("version", {}, soon()).exit == 0);
    CHECK(eventually([&] { return served.sessions() == 1; }));
    CHECK(bystander.request("version", {}, soon()).exit == 0);
    slow.other.reset();
}

TEST_CASE("descriptors in unanswered requests of a controller are bounded")
{
    Served served;
    const auto scope =
        std::make_shared<const ControlScope>(ControlScope{7, "ctl/0", {"api"}, std::nullopt});
    const auto connect = [&] {
        return served.on_loop([&] {
            auto made = served.server.holds(*scope) == 0 && served.server.sessions() == 0
                            ? served.server.admit(scope)
                            : served.server.connect(scope);
            return std::get<os::UniqueFd>(std::move(made));
        });
    };
    constexpr std::size_t full = ControllerDesk::most_descriptors / control::max_handles;
    std::vector<os::UniqueFd> connections;
    for (std::size_t i = 0; i < full; ++i) {
        connections.push_back(connect());
        begin_request(connections.back().borrow(), control::max_handles);
    }
    const auto held = [&] { return served.on_loop([&] { return served.server.holds(*scope); }); };
    CHECK(eventually([&] { return held() == ControllerDesk::most_descriptors; }));
    const os::UniqueFd further = connect();
    begin_request(further.borrow(), 1);
    CHECK_THAT(farewell(further.borrow()), Catch::Contains("at most 128 descriptors"));
    CHECK(eventually([&] { return held() == ControllerDesk::most_descriptors; }));
    send_raw(connections.front().borrow(), request_packet(1, {}).substr(0, 8) + "}");
    CHECK(next_message(connections.front().borrow())->body.at("exit") == exit_usage);
    CHECK(held() < ControllerDesk::most_descriptors);
    connections.clear();
    CHECK(eventually([&] { return held() == 0; }));

    // Those of requests that are carried out count as well. Who brings none is not hit.
    const os::UniqueFd busy = connect();
    const os::UniqueFd other = connect();
    const std::vector<int> lent(control::max_handles, STDIN_FILENO);
    const std::string setup = request_packet(
        1, {{"verb", "setup"}, {"pool", "api"}, {"settings", {{"never", "answered"}}}});
    for (std::size_t i = 0; i < full; ++i)
        CHECK(os::send_packet(busy.borrow(), std::as_bytes(std::span{setup}), lent,
                              os::Wait::wait) == 0);
    CHECK(eventually([&] { return held() == ControllerDesk::most_descriptors; }));
    begin_request(busy.borrow(), 1);
    CHECK_THAT(farewell(busy.borrow()), Catch::Contains("at most 128 descriptors"));
    send_raw(other.borrow(), request_packet(1, {{"verb", "version"}}));
    CHECK(next_message(other.borrow())->body.at("exit") == 0);
}
