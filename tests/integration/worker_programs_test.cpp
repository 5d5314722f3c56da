// SPDX-License-Identifier: MIT
// Whole worker programs, the examples and one in plain Python, each under a master that the test
// plays: what docs/protocol.md promises holds for all of them.
#include <csignal>
#include <poll.h>
#include <sys/socket.h>

#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"
#include "tests/support/fake_master.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/programs.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace ostler::wire::native;

namespace
{

struct Program {
    std::string name;
    Words argv;
    std::map<std::string, std::string> env;
};

const std::string examples = build_root + "/bin/examples/";
const std::string python = "/usr/bin/python3"; // the system's: no wrapper script may be in between
// Python loads the library of this build, which may want a sanitizer's loaded first.
const std::map<std::string, std::string> for_ctypes{
    {"OSTLER_LIBRARY", build_root + "/lib/libostler.so"},
    {"LD_PRELOAD", OSTLER_TEST_SANITIZER},
    {"ASAN_OPTIONS", "detect_leaks=0"},
    {"PYTHONDONTWRITEBYTECODE", "1"}};

const Program in_c{"C", {examples + "http-worker-c"}, {}};
const Program with_asio{"Asio", {examples + "http-worker-asio"}, {}};
const Program with_ctypes{
    "Python", {python, source_root + "/examples/python/http_worker.py"}, for_ctypes};
const Program plain{"plain Python", {python, worker_scripts + "/plain.py"}, {}};

const Program& each_program()
{
    return *GENERATE(&in_c, &with_asio, &with_ctypes, &plain);
}
const Program& each_that_keeps_connections()
{
    return *GENERATE(&in_c, &with_asio);
}

// A program that was started as a worker and has said hello.
struct Actor {
    FakeMaster master;
    Child child;

    explicit Actor(const Program& program) : child{program.argv, outfit(program)}
    {
        UNSCOPED_INFO("worker: " << program.name);
        master.drop_workers_end();
        master.welcome();
    }
    Child::Settings outfit(const Program& program) const
    {
        Child::Settings settings;
        settings.env = program.env;
        settings.env["OSTLER_CHANNEL_FD"] = "3";
        settings.fds = {master.workers_end()};
        return settings;
    }
    Queue with_queue()
    {
        Queue queue = master.grant_queue();
        static_cast<void>(master.hear_of_type<Ready>());
        return queue;
    }
    void with_socket(os::FdRef socket)
    {
        master.grant(master.hear_of_type<Listen>().second, 0, How::socket, socket);
        static_cast<void>(master.hear_of_type<Ready>());
    }
    void drain()
    {
        master.send(Drain{60'000}, 77);
        CHECK(master.hear_of_type<Drained>().second == 77);
    }
    bool ended_well()
    {
        const auto ended = child.wait();
        INFO(child.err());
        CHECK((ended && ended->exit == 0));
        CHECK(child.err() == "");
        return ended && ended->exit == 0;
    }
};

// The master's accepting side.
class Door
{
public:
    Door() : listening_{Endpoint{"tcp://127.0.0.1:0"}.listen()} {}
    [[nodiscard]] Endpoint address() const
    {
        return Endpoint{"tcp://127.0.0.1:0"}.at_port(local_port(listening_.borrow()));
    }
    [[nodiscard]] os::FdRef socket() const { return listening_.borrow(); }

    // A client whose connection is in the queue.
    HttpClient visit(const Queue& queue, std::uint64_t id = 1)
    {
        HttpClient client{address()};
        REQUIRE(client.connected());
        const os::UniqueFd accepted{
            os::adopt, ::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        REQUIRE(accepted.valid());
        queue.pass(id, accepted.borrow());
        return client;
    }

private:
    os::UniqueFd listening_;
};

} // namespace

TEST_CASE("a worker serves from its queue, drains and ends by itself")
{
    Actor actor{each_program()};
    const Queue queue = actor.with_queue();
    Door door;
    for (std::uint64_t id = 1; id <= 5; ++id) {
        HttpClient client = door.visit(queue, id);
        const Answer answer = client.get("/");
        CHECK(answer.whole);
        CHECK(answer.body.find(std::to_string(actor.child.pid())) != std::string::npos);
    }
    actor.drain();
    HttpClient late = door.visit(queue);
    CHECK(actor.ended_well());
    CHECK(queue.waiting() == 1); // for others
}

TEST_CASE("a worker serves from a shared socket, blocking or not")
{
    Actor actor{each_program()};
    Door door;
    actor.with_socket(door.socket());
    for (int i = 0; i < 5; ++i)
        CHECK(get(door.address()).whole);
    actor.drain();
    HttpClient late{door.address()};
    CHECK(late.connected());
    CHECK(actor.ended_well());
    pollfd waiting{door.socket().get(), POLLIN, 0};
    CHECK(::poll(&waiting, 1, 0) == 1); // nobody took it
}

TEST_CASE("a worker goes on with the socket that replaces one that was shut down")
{
    Actor actor{each_program()};
    Door door, other;
    actor.with_socket(door.socket());
    CHECK(get(door.address()).whole);
    REQUIRE(::shutdown(door.socket().get(), SHUT_RDWR) == 0);
    actor.master.send(Replaced{0}, 0, other.socket());
    CHECK(get(other.address()).whole);
    actor.drain();
    CHECK(actor.ended_well());
}

TEST_CASE("row 35: a worker whose master is gone ends with status 0")
{
    Actor actor{each_program()};
    SECTION("while it waits for an answer")
    {
        static_cast<void>(actor.master.hear_of_type<Listen>());
        actor.master.close();
        const auto ended = actor.child.wait();
        REQUIRE(ended);
        CHECK(ended->signal == 0); // it may complain: it was not ready yet
    }
    SECTION("while it serves")
    {
        const Queue queue = actor.with_queue();
        actor.master.close();
        CHECK(actor.ended_well());
    }
}

TEST_CASE("packets of a newer master do not disturb a worker")
{
    Actor actor{each_program()};
    const Queue queue = actor.with_queue();
    Door door;
    const std::byte unknown[] = {std::byte{200}, std::byte{3}, {}, {}, {}, {}, {}, {}, {}};
    actor.master.send_bytes(unknown, door.socket());
    HttpClient client = door.visit(queue);
    CHECK(client.get("/").whole);
    actor.drain();
    CHECK(actor.ended_well());
}

TEST_CASE("a client that keeps its connection is told to close it while the worker drains")
{
    Actor actor{each_that_keeps_connections()};
    const Queue queue = actor.with_queue();
    Door door;
    HttpClient busy = door.visit(queue, 1), silent = door.visit(queue, 2);
    CHECK(busy.get("/", Keep::alive).whole);
    CHECK(busy.get("/", Keep::alive).whole);
    CHECK(silent.get("/", Keep::alive).whole);
    actor.drain();
    CHECK(busy.get("/", Keep::alive).whole); // asked in the moment that is left for this
    CHECK(busy.closed_by_server());
    CHECK(silent.closed_by_server());
    CHECK(actor.ended_well());
    CHECK(actor.master.page(1) == 2);
    CHECK(actor.master.page(2) == 2);
}

TEST_CASE("a request that runs when the drain begins is answered")
{
    Actor actor{with_asio};
    const Queue queue = actor.with_queue();
    Door door;
    HttpClient client = door.visit(queue);
    client.ask("/slow?ms=200");
    CHECK(eventually([&] { return actor.master.page(1) == 1; }));
    actor.drain();
    CHECK(actor.child.running());
    CHECK(client.answer().whole);
    CHECK(actor.ended_well());
}

TEST_CASE("without ostlerd an example says so and serves alone")
{
    const Program& program = *GENERATE(&in_c, &with_asio, &with_ctypes);
    INFO(program.name);
    Endpoint where{"tcp://127.0.0.1:0"};
    where = where.at_port(local_port(where.listen().borrow())); // free a moment ago
    Words argv = program.argv;
    argv.insert(argv.end(), {"--listen", "127.0.0.1:" + std::to_string(where.port())});
    Child child{argv, Child::Settings{.env = program.env}};
    CHECK(eventually([&] { return get(where).whole || !child.running(); }));
    CHECK(child.running());
    CHECK(child.err().find("serving alone") != std::string::npos);
    child.signal(SIGTERM);
    CHECK(child.wait());
}

TEST_CASE("the plain worker says that it needs ostlerd")
{
    CHECK(run(plain.argv).err == "not started by ostlerd\n");
}
