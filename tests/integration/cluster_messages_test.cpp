// SPDX-License-Identifier: MIT
// What a controlling program and its workers say to each other.
#include <fcntl.h>
#include <sys/socket.h>

#include "tests/integration/controlled.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace ostler::test;
using Catch::Contains;
using Content = Cluster::Content;

namespace
{

const std::string one_puppet = puppet_pools("a");

struct Pair {
    Pair()
    {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
    }
    os::UniqueFd ours, theirs;
};

bool open(int fd)
{
    return ::fcntl(fd, F_GETFD) >= 0;
}

std::string read_from(const os::UniqueFd& fd)
{
    char text[64];
    const ssize_t count = ::recv(fd.get(), text, sizeof text, 0);
    return {text, count > 0 ? static_cast<std::size_t>(count) : 0};
}

} // namespace

TEST_CASE("row 36: a controller's messages arrive in order, and each calls back", "[cluster]")
{
    Daemon d{one_puppet};
    d.ready();
    Puppet puppet{d, "a"};
    Cluster cluster = join(d);
    const Worker worker = cluster.workers().at(1);
    std::vector<int> sent;
    for (int i = 0; i < 50; ++i)
        worker.send("n" + std::to_string(i), {.callback = [&sent, i](const Error* error) {
                        CHECK(error == nullptr);
                        sent.push_back(i);
                    }});
    worker.send("{}", {.content = Content::json});
    CHECK(sent.empty());
    REQUIRE(cluster.run_until([&] { return sent.size() == 50; }, patience));
    CHECK(std::is_sorted(sent.begin(), sent.end()));
    for (int i = 0; i < 50; ++i)
        CHECK(puppet.next().ends_with(" fd=-1 text=n" + std::to_string(i)));
    CHECK(puppet.next() == "message from=0:0: content=1 size=2 fd=-1 text={}");
}

TEST_CASE("row 36: send says when too much waits", "[cluster]")
{
    Daemon d{one_puppet};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.workers().at(1);
    const std::string much(64 * 1024, 'm');
    int answered = 0, failed = 0;
    Worker::Sending how;
    how.callback = [&](const Error* error) { ++(error != nullptr ? failed : answered); };
    bool room = true;
    int count = 0;
    for (; room && count < 1000; ++count)
        room = worker.send(much, how);
    CHECK(count > 2);
    CHECK(count < 100);
    CHECK(cluster.run_until([&] { return answered == count; }, patience));
    CHECK(failed == 0);
    CHECK(worker.send("a little", how));
}

TEST_CASE("row 37: a handle that a controller sends is its own only where it keeps it", "[cluster]")
{
    Daemon d{one_puppet};
    d.ready();
    Puppet puppet{d, "a"};
    Cluster cluster = join(d);
    const Worker worker = cluster.workers().at(1);
    const bool keep = GENERATE(false, true);
    Pair pair;
    const int lent = pair.theirs.get();
    bool done = false;
    worker.send("take", {.handle = keep ? lent : pair.theirs.release(),
                         .keep_open = keep,
                         .callback = [&](const Error* error) {
                             CHECK(error == nullptr);
                             done = true;
                         }});
    REQUIRE(cluster.run_until([&] { return done; }, patience));
    CHECK(open(lent) == keep);
    const std::string event = puppet.next();
    REQUIRE_THAT(event, Contains("text=take") && Contains(" fd=") && !Contains(" fd=-1"));
    puppet.ask("write " + event.substr(event.find(" fd=") + 4, 2) + " written");
    CHECK(read_from(pair.ours) == "written");
}

TEST_CASE("row 18: a worker's message comes with its content and its handle", "[cluster]")
{
    Daemon d{one_puppet};
    d.ready();
    Puppet puppet{d, "a"};
    Cluster cluster = join(d);
    std::vector<Cluster::Message> heard;
    std::string order;
    cluster.on_message([&](const Worker& worker, const Cluster::Message& message) {
        CHECK(worker.id() == 1);
        heard.push_back(message);
        order += "all ";
    });
    cluster.workers().at(1).on_message(
        [&](const Worker&, const Cluster::Message&) { order += "one "; });
    CHECK(puppet.ask("send confirm json text={} to=controllers").starts_with("rc=1 "));
    CHECK(puppet.ask("send confirm fd=this text=take to=controllers").starts_with("rc=1 "));
    REQUIRE(cluster.run_until([&] { return heard.size() == 2; }, patience));
    CHECK(order == "one all one all ");
    CHECK(heard[0].bytes == "{}");
    CHECK(heard[0].content == Content::json);
    CHECK(heard[0].handle == nullptr);
    CHECK(heard[1].bytes == "take");
    CHECK(heard[1].content == Content::bytes);
    REQUIRE(heard[1].handle != nullptr);
    const int fd = heard[1].handle->get();
    CHECK(open(fd));
    const os::UniqueFd taken{os::adopt, heard[1].handle->release()};
    CHECK(heard[1].handle->get() == -1);
    heard.clear();
    CHECK(open(fd));
}

TEST_CASE("what cannot be sent is told to the callback, else as an error", "[cluster]")
{
    Daemon d{puppet_pools("a:0")};
    d.ready();
    Cluster cluster = join(d);
    const Worker worker = cluster.fork();
    worker.process().kill("SIGKILL");
    REQUIRE(dies(cluster, worker));
    std::string to_callback;
    worker.send("x", {.callback = [&](const Error* error) {
                    REQUIRE(error != nullptr);
                    to_callback = error->what();
                }});
    REQUIRE(cluster.run_until([&] { return !to_callback.empty(); }, patience));
    CHECK_THAT(to_callback, Contains("there is no pool or worker \"1\""));

    worker.send("y"); // nobody listens
    CHECK_THROWS_AS(cluster.run_until([] { return false; }, patience), Error);
    const Diary diary{cluster};
    worker.send("z");
    REQUIRE(cluster.run_until([&] { return !diary.lines().empty(); }, patience));
    CHECK_THAT(diary.lines().at(0), Contains("error 1 there is no pool or worker"));

    std::string too_long;
    worker.send(std::string(16 * 1024 * 1024 + 1, 'l'),
                {.callback = [&](const Error* error) { too_long = error->what(); }});
    REQUIRE(cluster.run_until([&] { return !too_long.empty(); }, patience));
    CHECK_THAT(too_long, Contains("16 MiB"));
    CHECK_THROWS_WITH(worker.send("w", {.handle = 9999}), Contains("descriptor 9999 is not open"));
}
