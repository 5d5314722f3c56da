// SPDX-License-Identifier: MIT
// What the tests of listeners have in common: a loop that runs until something is so, clients, and
// workers that are no processes.
#pragma once

#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "daemon/intake.hpp"
#include "daemon/listener.hpp"
#include "daemon/load_page.hpp"
#include "ipc/os/endpoint.hpp"
#include "ipc/os/packet.hpp"
#include "ipc/wire/native.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/run_until.hpp"

namespace ostler::test
{

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// How often the loop was woken in that time.
inline std::size_t wake_ups(boost::asio::io_context& loop, std::chrono::milliseconds during)
{
    loop.restart();
    return loop.run_for(during);
}

inline config::Socket tcp_socket(const std::string& host = "127.0.0.1")
{
    config::Socket socket{.name = "web"};
    socket.listen = {.family = config::Address::Family::tcp, .host = host, .text = "tcp://" + host};
    return socket;
}

inline std::unique_ptr<Listener> bound(boost::asio::io_context& loop, const config::Socket& spec,
                                       bool hand_overs = true)
{
    Listener::Failure failure;
    auto listener = Listener::bind(loop.get_executor(), spec, failure);
    INFO(failure.sentence);
    REQUIRE(listener);
    listener->settle(hand_overs);
    return listener;
}

// A client that has connected, whether or not anybody has accepted it.
class Client
{
public:
    explicit Client(const os::Endpoint& where)
        : fd_{os::adopt, ::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        error_ = ::connect(fd_.get(), where.address(), where.size()) == 0 ? 0 : errno;
    }
    explicit Client(const Listener& listener) : Client{*os::Endpoint::of(listener.descriptor())} {}

    [[nodiscard]] int error() const { return error_; } // of connecting
    [[nodiscard]] os::FdRef fd() const { return fd_.borrow(); }

    // What has come so far: a byte, "reset", "end", or nothing yet.
    [[nodiscard]] std::string heard() const
    {
        char byte = 0;
        const auto count = ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT);
        if (count == 1)
            return {byte};
        if (count == 0)
            return "end";
        return errno == ECONNRESET ? "reset" : "";
    }

private:
    os::UniqueFd fd_;
    int error_ = 0;
};

// A worker in this process: it takes what is in its queue when told to.
class FakeWorker final : public IntakeOwner
{
public:
    explicit FakeWorker(std::string label) : label_{std::move(label)} {}

    void join(Listener& listener)
    {
        auto admitted = listener.admit(*this, &page);
        REQUIRE(admitted);
        intake = std::move(*admitted);
    }
    // Takes one, answers with `mark` and closes. False: there was none.
    bool serve_one(char mark = '.')
    {
        const auto connection = take();
        if (!connection)
            return false;
        ++served;
        return ::send(connection->get(), &mark, 1, MSG_NOSIGNAL) == 1;
    }
    std::optional<os::UniqueFd> take()
    {
        wire::native::Connection packet;
        os::UniqueFd connection;
        os::Received got;
        if (os::receive_packet(intake->given(), std::as_writable_bytes(std::span{&packet, 1}),
                               std::span{&connection, 1}, got) != 1)
            return std::nullopt;
        last_id = packet.id;
        return connection;
    }
    void busy_since(Clock::time_point when)
    {
        page.store(static_cast<std::uint64_t>(when.time_since_epoch() / 1ns), 0, 0);
    }
    void idle() { page.store(0, 0, 0); }

    [[nodiscard]] std::string label() const override { return label_; }
    void listener_replaced(const std::string&, os::FdRef fresh) override
    {
        ++replaced;
        replacement = fresh.get();
    }
    void intake_stuck(const std::string&) override { ++stuck; }

    LoadPage page = LoadPage::make().value();
    std::unique_ptr<Intake> intake;
    unsigned served = 0;
    unsigned replaced = 0;
    int replacement = -1;
    unsigned stuck = 0;
    std::uint64_t last_id = 0;

private:
    std::string label_;
};

} // namespace ostler::test
