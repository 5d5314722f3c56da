// SPDX-License-Identifier: MIT
// Messages between real workers through a real daemon, and workers that go by their own will.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sys/socket.h>

#include "tests/integration/puppet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

constexpr int no_such = -3;   // ESRCH
constexpr int no_room = -105; // ENOBUFS
constexpr int too_long = -90; // EMSGSIZE

std::string rc(int value)
{
    return "rc=" + std::to_string(value) + " ";
}

std::size_t resident_kib(pid_t pid)
{
    std::ifstream statm{"/proc/" + std::to_string(pid) + "/statm"};
    std::size_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * 4;
}

// Sends until the recipient has no room any more.
void fill(Puppet& from, const std::string& to)
{
    REQUIRE(eventually([&] {
        return from.ask("send confirm size=1000000 to=worker:" + to).starts_with(rc(no_room));
    }));
}

} // namespace

TEST_CASE("row 36: messages between workers arrive whole, in order, and say whom they are from",
          "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    const std::string to_b = "to=worker:" + b.id();
    CHECK(a.ask("send confirm json text={} " + to_b).starts_with(rc(1)));
    CHECK(b.next() == "message from=1:" + a.id() + ":a content=1 size=2 fd=-1 text={}");
    for (int i = 0; i < 20; ++i)
        CHECK(a.ask("send text=n" + std::to_string(i) + " " + to_b).starts_with(rc(0)));
    for (int i = 0; i < 20; ++i)
        CHECK_THAT(b.next(), Contains(" text=n" + std::to_string(i)));
    CHECK(a.ask("send size=0 " + to_b).starts_with(rc(0)));
    CHECK_THAT(b.next(), Contains(" size=0 "));
    a.say("send confirm size=16777216 " + to_b); // the longest
    CHECK_THAT(b.next(), Contains(" size=16777216 "));
    CHECK(a.hear().starts_with(rc(1)));
}

TEST_CASE("row 36: a message goes to a pool, or to all workers, but not to its sender",
          "[messages]")
{
    Daemon d{puppet_pools("a b:2")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"}, c{d, "b"};
    CHECK(a.ask("send confirm text=pool to=pool:b").starts_with(rc(2)));
    CHECK(b.ask("send confirm text=all to=all").starts_with(rc(2)));
    CHECK_THAT(b.next(), Contains("text=pool"));
    CHECK_THAT(c.next(), Contains("text=pool"));
    CHECK_THAT(c.next(), Contains("text=all"));
    CHECK_THAT(a.next(), Contains("text=all"));
    CHECK(b.ask("next 0") == "rc=-110");
}

TEST_CASE("row 36: a message to nobody is refused, and its sender lives", "[messages]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet a{d, "a"};
    for (const char* to : {"worker:77", "pool:b", "pool:a", "all", "controllers"})
        CHECK(a.ask(std::string{"send confirm text=x to="} + to).starts_with(rc(no_such)));
    CHECK(a.ask("send text=x to=worker:77").starts_with(rc(0))); // it did not want to know
    CHECK(d.logs("worker a/0 sends messages that cannot be delivered: there is no such recipient"));
    CHECK(a.ask("connected") == "1");
}

TEST_CASE("row 37: a connection sent to another worker is served by that one", "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    // The command line of `a` itself is what is passed on: `b` writes to it.
    const bool keep = GENERATE(false, true);
    CHECK(a.ask("send confirm fd=this text=take to=worker:" + b.id() + (keep ? " keep" : "")) ==
          rc(1) + "sent=1 " + (keep ? "open" : "closed"));
    const std::string event = b.next();
    REQUIRE_THAT(event, Contains(" fd=") && !Contains(" fd=-1"));
    const std::string fd = event.substr(event.find(" fd=") + 4, 2);
    CHECK(b.ask("write " + fd + " hello-from-b-to-") != "-1");
    CHECK_THAT(a.ask("id"), Contains("hello-from-b-to-"));
    CHECK(b.ask("close " + fd) == "0");
}

TEST_CASE("row 37: a descriptor sent to a pool comes to each of its workers", "[messages]")
{
    Daemon d{puppet_pools("a b:2")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"}, c{d, "b"};
    CHECK(a.ask("send confirm fd=this to=pool:b").starts_with(rc(2)));
    CHECK_THAT(b.next(), !Contains(" fd=-1"));
    CHECK_THAT(c.next(), !Contains(" fd=-1"));
}

TEST_CASE("ten thousand messages to a worker that does not read harm nobody else", "[messages]")
{
    Daemon d{puppet_pools("a b c", "messages: {waiting: 1M, patience: 60s}"),
             // A sanitizer keeps what is freed for a while: that is not ours to measure.
             {.env = {{"ASAN_OPTIONS", "quarantine_size_mb=1"}}}};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"}, c{d, "c"};
    const std::string b_id = b.id();
    const std::size_t before = resident_kib(d.master());
    CHECK(a.ask("send times=10000 size=1000 to=worker:" + b_id) == "rc=0 sent=10000");
    CHECK(a.ask("send confirm size=1000 to=worker:" + b_id).starts_with(rc(no_room)));
    CHECK(resident_kib(d.master()) < before + 8 * 1024);
    CHECK(a.ask("send confirm text=x to=worker:" + c.id()).starts_with(rc(1)));
    CHECK_THAT(c.next(), Contains("text=x"));
    CHECK_THAT(b.next(), Contains(" size=1000 ")); // it may go on
    CHECK(b.ask("connected") == "1");
}

TEST_CASE("a lingering socket in a message that nobody gets does not stop the daemon", "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    // The daemon is away until the sender has closed its copy: then the daemon's close is the last,
    // which waits for two seconds.
    const pid_t master = d.master();
    ::kill(master, SIGSTOP);
    const bool sent = a.ask("send fd=lingering text=x to=worker:77") == "rc=0 sent=1 closed";
    ::kill(master, SIGCONT);
    CHECK(sent);
    const auto begin = Clock::now();
    CHECK(a.ask("send confirm text=x to=worker:" + b.id()).starts_with(rc(1))); // after the first
    CHECK(Clock::now() - begin < 1s);
}

TEST_CASE("a message longer than the spec allows is refused to its sender alone", "[messages]")
{
    Daemon d{puppet_pools("a b", "messages: {limit: 100K}")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    const std::string to_b = "to=worker:" + b.id();
    CHECK(a.ask("send confirm size=102401 " + to_b).starts_with(rc(too_long)));
    CHECK(a.ask("send confirm size=102400 " + to_b).starts_with(rc(1)));
    CHECK_THAT(b.next(), Contains(" size=102400 "));
    CHECK(a.ask("send confirm size=16777217 " + to_b).starts_with(rc(too_long)));
}

TEST_CASE("a worker that reads nothing is cut off and replaced", "[messages]")
{
    Daemon d{puppet_pools("a b", "messages: {waiting: 1M, patience: 300ms}")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    const std::string b_id = b.id();
    fill(a, b_id);
    CHECK(d.logs("worker b/0 does not read what it is sent"));
    b.let_go();
    REQUIRE(
        eventually([&] { return d.all_ready("b", 1) && std::to_string(*d.row("b").id) != b_id; }));
    CHECK(a.ask("send confirm text=x to=worker:" + b_id).starts_with(rc(no_such)));
    CHECK(a.ask("send confirm text=x to=pool:b").starts_with(rc(1)));
}

TEST_CASE(
    "row 23: a worker that disconnects gets no more connections, finishes, and is not replaced",
    "[messages]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Puppet one{d, "a"};
    const std::string id = one.id();
    const Endpoint where = d.at("a");
    // A client of its own: of the two workers the other one answers every second time.
    const ostler::os::UniqueFd client = where.make_socket();
    std::string taken;
    {
        Puppet two{d, "a"}; // keeps the other busy
        REQUIRE(::connect(client.get(), where.address(), where.size()) == 0);
        taken = one.next();
        REQUIRE_THAT(taken, Contains("connection id="));
        CHECK(one.ask("asked") == "-1");
        CHECK(one.ask("disconnect") == "0");
        CHECK(one.ask("disconnect") == "0");
    }
    CHECK(one.ask("asked") == "1");
    CHECK(one.ask("next 100") == "rc=-110"); // it waits for its client
    for (int i = 0; i < 4; ++i)              // row 25: the port still answers
        CHECK(Puppet{d, "a"}.id() != id);
    CHECK(one.ask("connected") == "1");
    const std::string connection = taken.substr(taken.find("id=") + 3);
    CHECK(one.ask("done " + connection) == "0");
    CHECK(one.next() == "stop");
    CHECK(one.ask("connected") == "0");
    one.say("exit 0");
    REQUIRE(eventually([&] {
        const auto rows = d.rows("a");
        return std::ranges::none_of(
            rows, [&](const Row& row) { return row.id && std::to_string(*row.id) == id; });
    }));
    CHECK(d.logs(" left; it stays down  id=" + id));
}

TEST_CASE("row 24: connections that the worker opened are not waited for", "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"};
    CHECK(std::stoi(a.ask("connect " + std::to_string(d.at("b").port()))) >= 0);
    CHECK(a.ask("disconnect") == "0");
    CHECK(a.next() == "stop");
    CHECK(a.ask("connected") == "0");
    CHECK(a.ask("id") != ""); // it lives on
}

TEST_CASE("row 33: kill in a worker ends its channel and exits with 0, connections or not",
          "[messages]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet a{d, "a"};
    const auto before = d.row("a").id;
    const Endpoint where = d.at("a");
    const ostler::os::UniqueFd waiting = where.make_socket();
    REQUIRE(::connect(waiting.get(), where.address(), where.size()) == 0);
    CHECK_THAT(a.next(), Contains("connection"));
    a.say("kill");
    CHECK(a.hear() == "");
    REQUIRE(eventually([&] {
        const auto rows = d.rows("a");
        return rows.empty() || !rows.front().pid;
    }));
    CHECK(before);
    const Row row = d.row("a");
    CHECK(row.last_exit.at("code").as_int64() == 0);
    CHECK(row.last_exit.at("voluntary").as_bool());
}

TEST_CASE("row 30: a worker knows whether it is connected", "[messages]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet a{d, "a"};
    CHECK(a.ask("connected") == "1");
    CHECK(a.ask("leave") == "0");
    CHECK(a.ask("connected") == "0");
    CHECK(a.ask("asked") == "1");
    CHECK(a.next(0ms) == "rc=-32");
}

TEST_CASE("row 45: a worker knows its own id, and others reach it by that", "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    CHECK(a.id() == std::to_string(*d.row("a").id));
    CHECK(b.ask("send confirm text=x to=worker:" + a.id()).starts_with(rc(1)));
    CHECK(a.ask("send confirm text=x to=worker:" + a.id()).starts_with(rc(1))); // itself
}
