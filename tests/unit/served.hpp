// SPDX-License-Identifier: MIT
// The control server over a real socket, its loop on a thread of its own. What the daemon would do
// is a fake.
#pragma once

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>
#include <optional>
#include <spdlog/spdlog.h>
#include <string>
#include <thread>
#include <vector>

#include "daemon/control_logs.hpp"
#include "daemon/control_server.hpp"
#include "daemon/control_socket.hpp"
#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scratch.hpp"

namespace ostler::test
{

using namespace std::chrono_literals;
using control::Answer;
using control::Client;
namespace asio = boost::asio;
using asio::awaitable;

[[nodiscard]] awaitable<void> sleep_until_cancelled();

struct FakeOperations final : Operations {
    std::size_t status_bytes = 10;
    std::atomic<int> restarts_begun{0}, restarts_done{0}, waits_begun{0}, waits_ended{0};
    std::promise<void> let_restart_go;

    struct Count {
        std::atomic<int>& ended;
        ~Count() { ++ended; }
    };

    std::unique_ptr<Operations> within(std::shared_ptr<const ControlScope>) override
    {
        return std::make_unique<FakeOperations>(); // in which nothing has happened yet
    }
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
    awaitable<Outcome> setup(std::string pool, std::optional<boost::json::object> settings,
                             std::vector<os::UniqueFd> descriptors) override
    {
        if (settings && settings->contains("never"))
            co_await sleep_until_cancelled();
        co_return Outcome{0,
                          pool,
                          {{"settings", settings.value_or(boost::json::object{})},
                           {"descriptors", descriptors.size()}}};
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
    Outcome send(std::optional<std::string> target, const ipc::Message& message) override
    {
        return {0,
                target.value_or("all") + ":" + *message.body,
                {{"json", message.content == wire::native::Content::json},
                 {"handle", message.handle.valid()}}};
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

class Served
{
public:
    explicit Served(ControlLimits limits = {}, config::Control access = {})
        : server{loop.get_executor(),
                 socket().listening(),
                 {operations, logs, events, post, off_loop},
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
    os::UniqueFd raw(); // a connection without the client library
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
    Scratch scratch_;
    std::optional<ControlSocket> socket_;

public:
    asio::io_context loop;
    FakeOperations operations;
    FakeLogs logs;
    Events events{loop.get_executor()};
    OffLoop off_loop{loop.get_executor()};
    Post post{off_loop};
    ControlServer server;

private:
    asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(loop);
    std::thread thread_;
};

[[nodiscard]] LogLine line(std::uint64_t number, std::string text);
[[nodiscard]] Client::Deadline soon();

// What comes next on a raw connection; nothing at its end.
[[nodiscard]] std::optional<control::Message> next_message(os::FdRef fd);
void send_raw(os::FdRef fd, const std::string& packet);
[[nodiscard]] std::string request_packet(std::uint32_t number, boost::json::object body);

} // namespace ostler::test
