// SPDX-License-Identifier: MIT
// What a program on the control socket and real workers say to each other.
#include <future>
#include <sys/socket.h>
#include <thread>

#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/integration/puppet.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace ostler::test;
using Catch::Contains;
using control::Client;

namespace
{

Client controller(const Daemon& d)
{
    return std::get<Client>(Client::connect(d.control(), Client::Clock::now() + patience));
}

// Hears messages until it has as many as it wants; then its connection ends.
class Listener
{
public:
    Listener(const Daemon& d, std::string target, std::size_t wanted)
        : client_{controller(d)}, thread_{[this, target = std::move(target), wanted] {
              listen(target, wanted);
          }}
    {
        listens_.get_future().get();
    }
    ~Listener() { join(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::vector<control::Message>& heard()
    {
        join();
        return heard_;
    }

private:
    struct Enough {
    };
    void listen(const std::string& target, std::size_t wanted)
    try {
        Client::Listening listening;
        bool listens = false;
        listening.progress = [&](std::string_view) {
            listens = true;
            listens_.set_value();
        };
        listening.message = [this, wanted](control::Message& message) {
            heard_.push_back(std::move(message));
            if (heard_.size() == wanted)
                throw Enough{};
        };
        boost::json::object arguments;
        if (!target.empty())
            arguments["target"] = target;
        const control::Answer answer = client_.request("messages", std::move(arguments),
                                                       Client::Clock::now() + patience, listening);
        if (!listens)
            listens_.set_exception(std::make_exception_ptr(std::runtime_error{answer.message}));
    } catch (const Enough&) { // the connection ends with the test
    }
    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }

    Client client_;
    std::promise<void> listens_;
    std::vector<control::Message> heard_;
    std::thread thread_;
};

// What arrives on the descriptor that a message brought.
std::string read_from(const os::UniqueFd& fd)
{
    char text[64];
    const ssize_t count = ::recv(fd.get(), text, sizeof text, 0);
    return {text, count > 0 ? static_cast<std::size_t>(count) : 0};
}

} // namespace

TEST_CASE("row 19: a controller sends to a worker, a pool, or all", "[messages]")
{
    Daemon d{puppet_pools("a b:2")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"}, c{d, "b"};
    CHECK_THAT(d.must("send a hello").out, Contains("sent to 1 worker"));
    CHECK(a.next() == "message from=0:0: content=0 size=5 fd=-1 text=hello");
    d.must("send " + b.id() + " {} --content json");
    CHECK(b.next() == "message from=0:0: content=1 size=2 fd=-1 text={}");
    CHECK_THAT(d.must("send b two").out, Contains("sent to 2 workers"));
    CHECK_THAT(b.next(), Contains("text=two"));
    CHECK_THAT(c.next(), Contains("text=two"));

    Client client = controller(d);
    CHECK(client.request("send", {{"text", "all"}}).data.at("sent") == 3);
    CHECK_THAT(a.next(), Contains("text=all"));

    const auto nobody = d.cli("send b/7 x");
    CHECK(nobody.exit == exit_failed);
    CHECK_THAT(nobody.err, Contains("there is no pool or worker \"b/7\""));
}

TEST_CASE("row 19: a controller sends a handle, and keeps its own", "[messages]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet a{d, "a"};
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    os::UniqueFd ours{os::adopt, pair[0]};
    Client client = controller(d);
    const auto answer = client.request({control::Type::request,
                                        0,
                                        {{"verb", "send"}, {"target", "a"}},
                                        "take",
                                        os::UniqueFd{os::adopt, pair[1]}});
    CHECK(answer.exit == 0);
    const std::string event = a.next();
    REQUIRE_THAT(event, Contains("text=take") && Contains(" fd=") && !Contains(" fd=-1"));
    const std::string fd = event.substr(event.find(" fd=") + 4, 2);
    a.ask("write " + fd + " written");
    CHECK(read_from(ours) == "written");
}

TEST_CASE("row 18: controllers hear what workers say, each with a handle of its own", "[messages]")
{
    Daemon d{puppet_pools("a b")};
    d.ready();
    Puppet a{d, "a"}, b{d, "b"};
    CHECK_THAT(a.ask("send confirm text=early to=controllers"), Contains("rc=-3 "));
    Listener one{d, "a", 2}, other{d, "", 3};
    CHECK(a.ask("send confirm json text={} to=controllers").starts_with("rc=2 "));
    CHECK(b.ask("send confirm text=of-b to=controllers").starts_with("rc=1 "));
    CHECK(a.ask("send confirm keep fd=this text=take to=controllers").starts_with("rc=2 "));

    auto& heard = one.heard();
    REQUIRE(heard.size() == 2);
    CHECK(heard[0].body == boost::json::object{{"worker", std::stoi(a.id())},
                                               {"pool", "a"},
                                               {"slot", 0},
                                               {"content", "json"},
                                               {"handle", false}});
    CHECK(heard[0].bytes == "{}");
    CHECK(heard[1].bytes == "take");
    CHECK(heard[1].handle.valid());
    auto& all = other.heard();
    REQUIRE(all.size() == 3);
    CHECK(all[1].bytes == "of-b");
    CHECK(all[2].handle.valid());
}

TEST_CASE("a controller that never reads stops neither workers nor the daemon", "[messages]")
{
    Daemon d{puppet_pools("a")};
    d.ready();
    Puppet a{d, "a"};
    Client client = controller(d);
    static_cast<void>(client.request("messages", {}, Client::Clock::now() + 100ms));
    CHECK(eventually(
        [&] { return a.ask("send confirm size=1000000 to=controllers").starts_with("rc=-105 "); }));
    Listener reads{d, "", 1};
    CHECK(a.ask("send confirm text=on to=controllers").starts_with("rc=1 "));
    CHECK(reads.heard().at(0).bytes == "on");
}
