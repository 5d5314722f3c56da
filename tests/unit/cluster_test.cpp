// SPDX-License-Identifier: MIT
// A Cluster and a daemon that the test plays: what a real one says rarely, or never.
#include <array>
#include <boost/json.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>

#include "ipc/control/connection.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/diary.hpp"
#include "tests/support/eventually.hpp"

using namespace ostler;
using namespace ostler::test;
using boost::json::object;
using control::Type;
using Lines = std::vector<std::string>;

namespace
{

class FakeDaemon
{
public:
    enum Request : std::uint32_t { status = 1, events = 2, messages = 3, next = 4 };

    FakeDaemon()
    {
        os::UniqueFd one, other;
        REQUIRE(os::packet_pair(one, other) == 0);
        descriptor_ = other.release();
        connection_ = std::make_unique<control::Connection>(std::move(one), "the cluster");
    }
    // A Cluster waits for its answers: it does so in a thread of its own, and is ours from then on.
    [[nodiscard]] Cluster joined(boost::json::array workers = {})
    {
        auto cluster = std::async(std::launch::async, [options = options()] {
            return Cluster{"a", options};
        });
        CHECK(hear() == "status");
        say(Type::reply, status, status_with(std::move(workers), 10));
        CHECK(hear() == "events");
        CHECK(hear() == "messages");
        say(Type::progress, messages, {{"text", "listening"}});
        return cluster.get();
    }
    [[nodiscard]] Cluster::Options options(Milliseconds within = patience) const
    {
        Cluster::Options options;
        options.descriptor = descriptor_;
        options.patience = within;
        return options;
    }

    static object status_with(boost::json::array workers, int last_event)
    {
        return {{"exit", 0},
                {"daemon", {{"last_event", last_event}}},
                {"pools", boost::json::array{{{"name", "a"}, {"workers", std::move(workers)}}}}};
    }
    static object row(int id, bool online = true, bool disconnected = false)
    {
        return {{"id", id}, {"pid", 100 + id}, {"online", online}, {"disconnected", disconnected}};
    }

    void say(Type type, std::uint32_t request, object body, std::optional<std::string> bytes = {})
    {
        const bool posted =
            connection_->post({type, request, std::move(body), std::move(bytes), {}});
        REQUIRE(posted);
        REQUIRE_FALSE(connection_->send());
        REQUIRE(connection_->waiting() == 0);
    }
    void event(int number, const std::string& kind, int worker)
    {
        say(Type::event, events,
            {{"number", number}, {"event", kind}, {"worker", worker}, {"code", 0}});
    }
    void said(int worker, const std::string& text)
    {
        say(Type::message, messages, {{"worker", worker}, {"content", "bytes"}}, text);
    }
    // The verb that it asks next, and of whom; empty when nothing comes in time.
    std::string hear(Milliseconds within = patience)
    {
        control::Message message;
        const auto heard = [&] {
            return connection_->hear(message) == control::Connection::Heard::message;
        };
        if (!eventually(within, heard))
            return {};
        const auto* worker = message.body.if_contains("worker");
        return std::string{message.body.at("verb").as_string()} +
               (worker != nullptr ? " " + std::string{worker->as_string()} : "");
    }
    [[nodiscard]] os::FdRef socket() const { return connection_->socket(); }
    void hang_up() { connection_.reset(); }

private:
    std::unique_ptr<control::Connection> connection_;
    int descriptor_ = -1; // the cluster's
};

// The exit code of what it throws.
template <typename Use>
int exit_of(Use use)
{
    try {
        use();
    } catch (const Error& error) {
        return error.exit();
    }
    return exit_done;
}

} // namespace

TEST_CASE("a message that overtakes its sender's fork and online is told behind them")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined();
    const Diary diary{cluster};
    daemon.said(1, "one");
    daemon.event(11, "fork", 1);
    daemon.said(1, "two");
    daemon.event(12, "online", 1);
    daemon.said(1, "three");
    CHECK(cluster.run_until([&] { return diary.has("message 1 three"); }, patience));
    CHECK(diary.lines() ==
          Lines{"fork 1", "online 1", "message 1 one", "message 1 two", "message 1 three"});
}

TEST_CASE("a message of a worker that is gone is told to nobody")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined({FakeDaemon::row(4)});
    const Diary diary{cluster};
    daemon.said(3, "late");
    daemon.event(11, "exit", 4);
    daemon.said(4, "later");
    cluster.dispatch();
    CHECK(diary.lines() == Lines{"exit 4 code=0"});
}

TEST_CASE("events that were missed are made good from a status, before those that came since")
{
    FakeDaemon daemon;
    Cluster cluster =
        daemon.joined({FakeDaemon::row(1), FakeDaemon::row(2), FakeDaemon::row(3, false)});
    const Diary diary{cluster};
    daemon.say(Type::event, FakeDaemon::events, {{"missed", 7}});
    daemon.event(18, "exit", 1);
    cluster.dispatch();
    CHECK(daemon.hear() == "status");
    daemon.event(21, "exit", 2);
    daemon.say(Type::reply, FakeDaemon::next,
               FakeDaemon::status_with({FakeDaemon::row(2, true, true), FakeDaemon::row(3),
                                        FakeDaemon::row(5, true), FakeDaemon::row(6, false)},
                                       20));
    daemon.event(22, "online", 6);
    CHECK(cluster.run_until([&] { return diary.has("online 6"); }, patience));
    CHECK(diary.lines() ==
          Lines{"error 7 events of workers are lost: this program does not keep up with them",
                "disconnect 1", "exit 1 signal=", "disconnect 2", "online 3", "fork 5", "online 5",
                "fork 6", "exit 2 code=0", "online 6"});
    CHECK(cluster.workers().size() == 3);
}

TEST_CASE("a worker that was forked while a status was on its way is not taken for gone")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined({FakeDaemon::row(1)});
    const Diary diary{cluster};
    cluster.on_setup([](const Cluster::Settings&) {});
    daemon.say(Type::event, FakeDaemon::events, {{"missed", 1}});
    auto forking = std::async(std::launch::async, [&] { return cluster.fork(); });
    CHECK(daemon.hear() == "setup"); // as a fork is told with the settings
    CHECK(daemon.hear() == "status");
    daemon.say(Type::reply, FakeDaemon::next, {{"exit", 0}, {"settings", object{}}});
    CHECK(daemon.hear() == "fork");
    daemon.say(Type::reply, FakeDaemon::next + 1,
               FakeDaemon::status_with({FakeDaemon::row(1)}, 20));
    daemon.event(21, "fork", 9);
    daemon.say(Type::reply, FakeDaemon::next + 2, {{"exit", 0}, {"worker", 9}, {"pid", 109}});
    const Worker forked = forking.get();
    CHECK(forked.id() == 9);
    CHECK(forked.process().pid() == 109);
    CHECK(cluster.run_until([&] { return diary.has("fork 9"); }, patience));
    CHECK_FALSE(forked.is_dead());
    CHECK(cluster.workers().size() == 2);
}

TEST_CASE("what an exit told is known before disconnect is, and does not change")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined({FakeDaemon::row(1)});
    const Worker worker = cluster.workers().at(1);
    const auto tell = [&](const char* kind, bool wanted) {
        daemon.say(Type::event, FakeDaemon::events,
                   {{"number", 11},
                    {"event", kind},
                    {"worker", 1},
                    {"exited_after_disconnect", wanted},
                    {"signal", "SIGSEGV"}});
        cluster.dispatch();
    };
    CHECK_FALSE(worker.exited_after_disconnect());
    tell("disconnect", true);
    CHECK(worker.exited_after_disconnect() == true);
    tell("exit", false);
    CHECK(worker.exited_after_disconnect() == true);
    CHECK(cluster.workers().empty());
}

TEST_CASE("more requests than a connection takes wait their turn, in order")
{
    FakeDaemon daemon;
    boost::json::array rows;
    for (int id = 1; id <= 40; ++id)
        rows.push_back(FakeDaemon::row(id));
    Cluster cluster = daemon.joined(std::move(rows));
    cluster.disconnect();
    for (int id = 1; id <= 30; ++id) // events and messages are on their way as well
        CHECK(daemon.hear() == "disconnect " + std::to_string(id));
    CHECK(daemon.hear(0ms).empty());
    daemon.say(Type::reply, FakeDaemon::next + 7, {{"exit", 0}});
    cluster.dispatch();
    CHECK(daemon.hear() == "disconnect 31");
    CHECK(daemon.hear(0ms).empty());
}

TEST_CASE("orders to a worker that is gone already are no error, others are")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined({FakeDaemon::row(1)});
    const Diary diary{cluster};
    const Worker worker = cluster.workers().at(1);
    worker.disconnect();
    worker.kill("SIGNO");
    daemon.say(Type::reply, FakeDaemon::next, {{"exit", 1}, {"message", "there is no worker"}});
    daemon.say(Type::reply, FakeDaemon::next + 1,
               {{"exit", 64}, {"message", "there is no signal"}});
    cluster.dispatch();
    CHECK(diary.lines() == Lines{"error 1 there is no signal"});
}

TEST_CASE("a daemon that talks nonsense or hangs up ends the cluster with a sentence")
{
    FakeDaemon daemon;
    Cluster cluster = daemon.joined();
    SECTION("nonsense")
    {
        const std::array<std::byte, 3> torn{};
        REQUIRE(os::send_packet(daemon.socket(), torn, {}) == 0);
        CHECK(exit_of([&] { cluster.dispatch(); }) == exit_bug);
    }
    SECTION("a last word")
    {
        daemon.say(Type::reply, control::connection_itself,
                   {{"exit", 1}, {"message", "there is no room"}});
        CHECK_THROWS_WITH(cluster.dispatch(), Catch::Contains("hung up: there is no room"));
    }
    SECTION("no word")
    {
        daemon.hang_up();
        CHECK(exit_of([&] { cluster.dispatch(); }) == exit_no_daemon);
    }
    CHECK(exit_of([&] { cluster.dispatch(); }) != exit_done); // for good
}

TEST_CASE("a daemon that does not answer, or refuses, is an error of the constructor")
{
    FakeDaemon daemon;
    CHECK(exit_of([&] { Cluster{"a", daemon.options(10ms)}; }) == exit_timeout);
    FakeDaemon other;
    auto refused = std::async(std::launch::async, [options = other.options()] {
        return exit_of([&] { Cluster{"a", options}; });
    });
    CHECK(other.hear() == "status");
    other.say(Type::reply, FakeDaemon::status, FakeDaemon::status_with({}, 1));
    CHECK(other.hear() == "events");
    CHECK(other.hear() == "messages");
    other.say(Type::reply, FakeDaemon::messages, {{"exit", 77}, {"message", "no"}});
    CHECK(refused.get() == exit_not_permitted);
}
