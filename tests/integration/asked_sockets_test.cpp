// SPDX-License-Identifier: MIT
// Sockets that workers ask for at run time: who shares one, who serves there, and how long it is
// open.
#include <filesystem>
#include <map>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

#include "tests/integration/asked.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::test;

namespace
{

// What the daemon told of this kind, one line of JSON each.
std::vector<boost::json::object> told(const Daemon& d, const std::string& kind)
{
    std::vector<boost::json::object> events;
    std::istringstream lines{d.must("events --json").out};
    for (std::string line; std::getline(lines, line);) {
        auto event = boost::json::parse(line).as_object();
        if (event.at("event").as_string() == kind && event.at("socket").is_null())
            events.push_back(std::move(event));
    }
    return events;
}

std::string answer_to_datagram(const Endpoint& where, Puppet& puppet, const std::string& listener)
{
    const ostler::os::UniqueFd socket = where.make_socket();
    REQUIRE(::sendto(socket.get(), "x", 1, 0, where.address(), where.size()) == 1);
    CHECK(puppet.ask("datagram " + listener + " 10000") == "answered");
    pollfd readable{socket.get(), POLLIN, 0};
    REQUIRE(::poll(&readable, 1, static_cast<int>(patience.count())) == 1);
    char space[32];
    const ssize_t size = ::recv(socket.get(), space, sizeof space, 0);
    return {space, size > 0 ? static_cast<std::size_t>(size) : 0};
}

} // namespace

TEST_CASE("row 8: port 0 is one port for all workers, a second is another, and it stays", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Asked first, second;
    {
        Puppet one{d, "a"}, two{d, "a"};
        first = listen(one, any_port);
        REQUIRE(first.ok());
        CHECK(listen(two, any_port).address() == first.address());
        second = listen(two, any_port);
        REQUIRE(second.ok());
        CHECK(second.address() != first.address());
        CHECK(listen(one, any_port).address() == second.address());
    }
    CHECK(who_serves(first.where()).size() == 2);
    CHECK(who_serves(second.where()).size() == 2);
    const auto row = asked_socket(d, first.address());
    REQUIRE(row.is_object());
    CHECK(row.at("asked_by") == "a");
    CHECK(row.at("name") == "tcp://127.0.0.1:0#0");
    CHECK(row.at("scheduling") == "round-robin");

    // One that comes later gets the same.
    d.must("scale a 3");
    REQUIRE(eventually([&] { return d.all_ready("a", 3); }));
    Puppet one{d, "a"}, two{d, "a"}, three{d, "a"};
    std::set<std::string> answers;
    for (Puppet* each : {&one, &two, &three})
        answers.insert(listen(*each, any_port).address());
    CHECK(answers.contains(first.address())); // the new one's first; the others' third
}

TEST_CASE("row 8: a port is stable while one who had it is started again", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Asked before;
    {
        Puppet one{d, "a"};
        before = listen(one, any_port);
        REQUIRE(before.ok());
        one.say("exit 1");
        REQUIRE(one.hear().empty());
    }
    REQUIRE(eventually([&] { return d.all_ready("a", 1) && d.row("a").restarts == 1; }));
    Puppet again{d, "a"};
    CHECK(listen(again, any_port).address() == before.address());
}

TEST_CASE("row 9: a worker can have a port of its own, from its id", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    std::map<std::string, Asked> own;
    {
        Puppet one{d, "a"}, two{d, "a"};
        for (Puppet* each : {&one, &two}) {
            const std::string id = each->id();
            own[id] = listen(*each, "tcp://127.9.9.9:" + std::to_string(20'000 + std::stoi(id)));
            REQUIRE(own[id].ok());
        }
    }
    REQUIRE(own.size() == 2);
    for (const auto& [id, asked] : own)
        CHECK(who_serves(asked.where(), 3) == std::set{id});
}

TEST_CASE("row 11: a socket closes with its last holder, one of the spec stays", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Asked asked;
    {
        Puppet one{d, "a"}, two{d, "a"};
        asked = listen(one, any_port);
        REQUIRE(listen(two, any_port).address() == asked.address());
        CHECK(one.ask("leave") == "0");
        CHECK(one.ask("exit 0").empty());
        CHECK(takes_connections(asked.where()));
    }
    CHECK(who_serves(asked.where()).size() == 1);
    {
        Puppet last{d, "a"};
        CHECK(last.ask("leave") == "0");
        last.say("exit 0");
        REQUIRE(last.hear().empty());
    }
    CHECK(eventually([&] { return !takes_connections(asked.where()); }));
    CHECK(asked_socket(d, asked.address()).is_null());
    CHECK(takes_connections(d.at("a")));
}

TEST_CASE("closing one of several listeners leaves the others, and it may be asked for again",
          "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Asked first, second;
    {
        Puppet one{d, "a"};
        first = listen(one, any_port);
        second = listen(one, any_port);
        REQUIRE(second.ok());
        CHECK(one.ask("unlisten " + first.number()) == "0");
    }
    CHECK(eventually([&] { return !takes_connections(first.where()); }));
    CHECK(who_serves(second.where()).size() == 1);
    Puppet one{d, "a"};
    const Asked again = listen(one, any_port); // the first number is free again
    REQUIRE(again.ok());
    CHECK(again.address() != second.address());
    one.let_go();
    CHECK(who_serves(again.where()).size() == 1);
}

TEST_CASE("row 17: listening is told once for each address, with the real port", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet one{d, "a"};
    const std::string path = d / "asked.sock";
    const Asked all[] = {listen(one, any_port),        listen(one, "tcp://[::1]:0"),
                         listen(one, "unix:" + path),  listen(one, "udp://127.0.0.1:0"),
                         listen(one, "udp://[::1]:0"), listen(one, "unix:@" + path)};
    const boost::json::value types[] = {4, 6, -1, "udp4", "udp6", -1};
    const auto events = told(d, "listening");
    REQUIRE(events.size() == std::size(all));
    for (std::size_t i = 0; i < std::size(all); ++i) {
        CAPTURE(all[i].answer, boost::json::serialize(events[i]));
        REQUIRE(all[i].ok());
        CHECK(events[i].at("address").as_string() == all[i].address());
        CHECK(events[i].at("address_type") == types[i]);
        const int port = types[i] == -1 ? -1 : all[i].where().port();
        CHECK(port != 0);
        CHECK(events[i].at("port") == port);
    }
}

TEST_CASE("IPv6 takes IPv4 at the wildcard, unless asked not to, and a star is both", "[asked]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet one{d, "a"};
    const Asked both = listen(one, "tcp://[::]:0");
    const Asked only = listen(one, "tcp://[::]:0", "v6only");
    const Asked star = listen(one, "tcp://*:0");
    REQUIRE((both.ok() && only.ok() && star.ok()));
    const Endpoint v4{any_port}, v6{"tcp://[::1]:0"};
    for (const Asked& each : {both, star}) {
        CHECK(takes_connections(v4.at_port(each.where().port())));
        CHECK(takes_connections(v6.at_port(each.where().port())));
    }
    CHECK_FALSE(takes_connections(v4.at_port(only.where().port())));
    CHECK(takes_connections(v6.at_port(only.where().port())));
}

TEST_CASE("an address of the spec gives that socket to those who list it, to no others", "[asked]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    const std::string of_a = "tcp://127.0.0.1:" + std::to_string(d.at("a").port());
    const std::string of_b = "tcp://127.0.0.1:" + std::to_string(d.at("b").port());
    Puppet a{d, "a"};
    CHECK(listen(a, of_b).rc() == -EADDRINUSE);
    CHECK(listen(a, of_a).rc() == -EADDRINUSE); // it has it already
    CHECK(a.ask("unlisten 0") == "0");
    const Asked again = listen(a, of_a);
    CHECK(again.ok());
    CHECK(again.address() == of_a);
    CHECK(asked_socket(d, of_a).is_null());
}

TEST_CASE("row 7: an exclusive socket is the worker's own", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Asked own;
    std::string owner;
    {
        Puppet one{d, "a"}, two{d, "a"};
        owner = one.id();
        own = listen(one, any_port, "exclusive");
        REQUIRE(own.ok());
        CHECK(asked_socket(d, own.address()).is_null());
        CHECK(told(d, "listening").empty());
        CHECK(listen(two, own.address(), "exclusive").rc() == -EADDRINUSE);
        CHECK(listen(two, own.address()).rc() == -EADDRINUSE); // nor by way of the daemon
    }
    CHECK(who_serves(own.where()) == std::set{owner});
}

TEST_CASE("row 48: a Unix socket is served in turn, and its file goes with it", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    const std::string path = d / "asked.sock";
    {
        Puppet one{d, "a"}, two{d, "a"};
        REQUIRE(listen(one, "unix:" + path).address() == "unix:" + path);
        REQUIRE(listen(two, "unix:" + path).ok());
    }
    CHECK(who_serves(Endpoint{"unix:" + path}, 2).size() == 2);
    {
        Puppet one{d, "a"}, two{d, "a"};
        CHECK(one.ask("unlisten 1") == "0");
        CHECK(std::filesystem::exists(path));
        CHECK(two.ask("unlisten 1") == "0");
        CHECK(eventually([&] { return !std::filesystem::exists(path); }));
    }
}

TEST_CASE("row 49: a UDP socket is shared, though streams go round", "[asked]")
{
    Daemon d{puppet_pools("a:2")};
    d.ready();
    Puppet one{d, "a"}, two{d, "a"};
    const Asked mine = listen(one, "udp://127.0.0.1:0");
    const Asked other = listen(two, "udp://127.0.0.1:0");
    REQUIRE(mine.ok());
    CHECK(mine.address() == other.address());
    CHECK(asked_socket(d, mine.address()).at("scheduling") == "shared");
    CHECK(answer_to_datagram(mine.where(), one, mine.number()) == one.id());
    CHECK(answer_to_datagram(mine.where(), two, other.number()) == two.id());
    CHECK(one.ask("unlisten " + mine.number()) == "0");
    CHECK(answer_to_datagram(mine.where(), two, other.number()) == two.id());
}

TEST_CASE("OSTLER_SCHED_POLICY=none: workers share what they ask for", "[asked]")
{
    Daemon d{puppet_pools("a"), {.env = {{"OSTLER_SCHED_POLICY", "none"}}}};
    d.ready();
    Puppet one{d, "a"};
    const Asked asked = listen(one, any_port);
    CHECK(asked_socket(d, asked.address()).at("scheduling") == "shared");
    one.let_go();
    CHECK(who_serves(asked.where()).size() == 1);
}
