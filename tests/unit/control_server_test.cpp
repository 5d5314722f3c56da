// SPDX-License-Identifier: MIT
// The control server over a real socket, its loop on a thread of its own, and the client library
// against it. What the daemon would do is a fake.
#include "daemon/control_server.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "daemon/control_logs.hpp"
#include "daemon/control_socket.hpp"
#include "ipc/control/address.hpp"
#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler;
using namespace std::chrono_literals;
using control::Answer;
using control::Client;
using ostler::test::eventually;
namespace asio = boost::asio;
using asio::awaitable;

namespace
{

awaitable<void> sleep_until_cancelled()
{
    asio::steady_timer never{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    co_await never.async_wait(asio::use_awaitable);
}

struct FakeOperations final : Operations {
    std::size_t status_bytes = 10;
    std::atomic<int> restarts_begun{0}, restarts_done{0}, waits_begun{0}, waits_ended{0};
    std::promise<void> let_restart_go;

    struct Count {
        std::atomic<int>& ended;
        ~Count() { ++ended; }
    };

    Outcome status(std::optional<std::string> pool) override
    {
        if (pool && *pool != "api")
            return {exit_failed, "there is no pool " + *pool, {}};
        return {0, "", {{"pools", boost::json::array{std::string(status_bytes, 'p')}}}};
    }
    awaitable<Outcome> wait_ready(Progress progress) override
    {
        ++waits_begun;
        const Count count{waits_ended};
        progress("waiting for api");
        co_await sleep_until_cancelled();
        co_return Outcome{};
    }
    awaitable<Outcome> reload(bool dry_run, Progress progress) override
    {
        progress("reading the spec");
        progress("comparing");
        co_return Outcome{dry_run ? exit_done : exit_config, dry_run ? "would" : "broken", {}};
    }
    awaitable<Outcome> stop_pool(std::string pool, Haste, Progress) override
    {
        throw std::runtime_error{"a bug in stop_pool " + pool};
        co_return Outcome{};
    }
    awaitable<Outcome> start_pool(std::string, Progress) override { co_return Outcome{}; }
    awaitable<Outcome> restart(std::optional<std::string> target, Progress) override
    {
        ++restarts_begun;
        asio::steady_timer timer{co_await asio::this_coro::executor, 50ms};
        co_await timer.async_wait(asio::use_awaitable);
        ++restarts_done;
        co_return Outcome{0, "restarted " + target.value_or("all"), {}};
    }
    awaitable<Outcome> fork(std::string pool, Variables env) override
    {
        co_return Outcome{0, pool + " " + std::to_string(env.size()), {}};
    }
    Outcome disconnect(std::string worker, std::optional<int> signal) override
    {
        return {0, worker + " " + std::to_string(signal.value_or(0)), {}};
    }
    Outcome kill(std::string worker, int signal) override
    {
        return {0, worker + " " + std::to_string(signal), {}};
    }
    awaitable<Outcome> scale(std::string pool, unsigned workers, Progress) override
    {
        co_return Outcome{0, pool + " has " + std::to_string(workers), {{"workers", workers}}};
    }
    Outcome stop_daemon(Haste) override { return {0, "stopping", {{"keeper_pid", 1}}}; }
};

struct FakeLogs final : Logs {
    std::vector<LogLine> kept;
    std::map<Follower, Sink> followers; // only on the loop's thread
    std::atomic<std::size_t> following{0};
    Follower last = 0;

    void capture(os::UniqueFd, std::string, unsigned, std::uint64_t, ostler::Stream) override {}
    void set_sink(Sink) override {}
    std::vector<LogLine> tail(const Filter&, std::size_t count) const override
    {
        return {kept.end() - static_cast<std::ptrdiff_t>(std::min(count, kept.size())), kept.end()};
    }
    Follower follow(Filter, Sink sink) override
    {
        followers.emplace(++last, std::move(sink));
        following = followers.size();
        return last;
    }
    void unfollow(Follower follower) override
    {
        followers.erase(follower);
        following = followers.size();
    }
    void forget_pool(const std::string&) override {}
};

LogLine line(std::uint64_t number, std::string text)
{
    return {number, 0, "api", 0, 1, ostler::Stream::out, std::move(text)};
}

class Served
{
public:
    explicit Served(ControlLimits limits = {}, config::Control access = {})
        : server{loop.get_executor(),
                 socket().listening(),
                 operations,
                 logs,
                 events,
                 std::move(access),
                 limits}
    {
        spdlog::set_level(spdlog::level::err);
        server.start();
        thread_ = std::thread{[this] { loop.run(); }};
    }
    ~Served()
    {
        stop();
        guard_.reset();
        thread_.join();
        spdlog::set_level(spdlog::level::info);
    }
    void stop() { asio::co_spawn(loop, server.stop(), asio::use_future).get(); }

    Client client() { return std::get<Client>(Client::connect(path())); }
    os::UniqueFd raw()
    {
        os::UniqueFd fd{os::adopt, ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
        const auto address = control::address_of(path());
        REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address),
                          sizeof *address) == 0);
        return fd;
    }
    std::string path() const { return scratch_ / "control.sock"; }
    template <typename Function>
    auto on_loop(Function function)
    {
        return asio::post(loop, asio::use_future(function)).get();
    }
    std::size_t sessions()
    {
        return on_loop([this] { return server.sessions(); });
    }

private:
    ControlSocket& socket()
    {
        ControlSocket::Failure failure;
        socket_.emplace(*ControlSocket::open(path(), ControlSocket::Reach::own, 1, failure));
        return *socket_;
    }
    test::Scratch scratch_;
    std::optional<ControlSocket> socket_;

public:
    asio::io_context loop;
    FakeOperations operations;
    FakeLogs logs;
    Events events{loop.get_executor()};
    ControlServer server;

private:
    asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(loop);
    std::thread thread_;
};

Client::Deadline soon()
{
    return Client::Clock::now() + test::patience;
}

// What comes next on a raw connection; nothing at its end.
std::optional<control::Message> next_message(os::FdRef fd)
{
    std::vector<std::byte> buffer(wire::max_packet);
    os::Received got;
    control::Assembler assembler{control::max_reply};
    control::Message message;
    int result;
    while ((result = os::receive_packet(fd, buffer, {}, got, os::Wait::wait)) == -ECONNRESET)
        ;
    if (result <= 0)
        return std::nullopt;
    REQUIRE(assembler.feed(std::span{buffer}.first(got.bytes), message) ==
            control::Assembler::Outcome::message);
    return message;
}

void send_raw(os::FdRef fd, const std::string& packet)
{
    CHECK(os::send_packet(fd, std::as_bytes(std::span{packet}), {}, os::Wait::wait) == 0);
}

std::string request_packet(std::uint32_t number, boost::json::object body)
{
    return control::packets_of({control::Type::request, number, std::move(body)},
                               control::max_request)
        .at(0);
}

} // namespace

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
    part[2] = 1;                 // more
    for (int i = 0; i < 18; ++i) // until it is cut off
        static_cast<void>(
            os::send_packet(endless.borrow(), std::as_bytes(std::span{part}), {}, os::Wait::wait));
    CHECK(next_message(endless.borrow())->body.at("exit") == exit_usage);
    CHECK(!next_message(endless.borrow()));

    const os::UniqueFd gift = served.raw();
    const int lent = gift.get();
    const std::string packet = request_packet(1, {{"verb", "version"}});
    CHECK(os::send_packet(gift.borrow(), std::as_bytes(std::span{packet}), {&lent, 1}) == 0);
    CHECK(next_message(gift.borrow())->request == control::connection_itself);

    CHECK(bystander.request("version", {}, soon()).exit == 0);
    CHECK(eventually([&] { return served.sessions() == 2; }));
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
