// SPDX-License-Identifier: MIT
// Lines and events that go on until the client leaves.
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/served.hpp"

using namespace ostler;
using namespace ostler::test;

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

namespace
{

os::UniqueFd end_of_a_pipe()
{
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::close(ends[1]);
    return os::UniqueFd{os::adopt, ends[0]};
}

// What a worker says to controllers, as the daemon's loop hears it: how many got it, or -errno.
int say(Served& served, Post::Author author, std::string text, os::UniqueFd handle = {})
{
    auto message = std::make_shared<ipc::Message>();
    *message = {wire::native::Content::json, std::make_shared<const std::string>(std::move(text)),
                std::move(handle)};
    return served.on_loop([&served, author = std::move(author), message] {
        const auto outcome =
            served.post.carry(author, {wire::native::To::controllers, 0, {}}, std::move(*message));
        const auto* refusal = std::get_if<ipc::Refusal>(&outcome);
        return refusal ? -refusal->error : static_cast<int>(std::get<unsigned>(outcome));
    });
}

} // namespace

TEST_CASE("row 18: messages: what workers say, with a descriptor, until the client leaves")
{
    Served served;
    CHECK(say(served, {3, 1, "api"}, "nobody") == -ESRCH);
    std::vector<std::string> heard;
    std::vector<os::UniqueFd> handles;
    control::Client::Listening listening;
    os::UniqueFd handle = end_of_a_pipe();
    std::future<std::vector<int>> said;          // Catch is for one thread
    listening.progress = [&](std::string_view) { // it listens
        said = std::async(std::launch::async, [&] {
            return std::vector{say(served, {3, 1, "api"}, "first", std::move(handle)),
                               say(served, {4, 0, "web"}, "of another pool"),
                               say(served, {3, 1, "api"}, std::string(1'000'000, 'x'))};
        });
    };
    listening.message = [&](control::Message& message) {
        heard.push_back(boost::json::serialize(message.body) + " " +
                        message.bytes.value().substr(0, 5));
        if (message.handle.valid())
            handles.push_back(std::move(message.handle));
    };
    {
        Client client = served.client();
        const auto late = Client::Clock::now() + 1s;
        CHECK(client.request("messages", {{"target", "api"}}, late, listening).exit ==
              exit_timeout);
    }
    CHECK(said.get() == std::vector{1, -ESRCH, 1});
    CHECK(heard ==
          std::vector<std::string>{
              R"({"worker":3,"pool":"api","slot":1,"content":"json","handle":true} first)",
              R"({"worker":3,"pool":"api","slot":1,"content":"json","handle":false} xxxxx)"});
    CHECK(handles.size() == 1);
    CHECK(eventually([&] { return say(served, {3, 1, "api"}, "left") == -ESRCH; }));
}

TEST_CASE("a message comes behind the events that were told before it, and ahead of later ones")
{
    Served served;
    const os::UniqueFd fd = served.raw();
    send_raw(fd.borrow(), request_packet(1, {{"verb", "events"}, {"follow", true}}));
    send_raw(fd.borrow(), request_packet(2, {{"verb", "messages"}}));
    CHECK(next_message(fd.borrow())->type == control::Type::progress);
    served.on_loop([&] { // all of it before the loop comes to anything else
        const Post::Author author{3, 1, "api"};
        for (const EventKind kind : {EventKind::online, EventKind::exit}) {
            served.events.tell(kind, {"api", 1, 3});
            static_cast<void>(served.post.carry(
                author, {wire::native::To::controllers, 0, {}},
                {wire::native::Content::bytes, std::make_shared<const std::string>("said"), {}}));
        }
    });
    std::vector<control::Type> types;
    types.reserve(4);
    for (int i = 0; i < 4; ++i)
        types.push_back(next_message(fd.borrow())->type);
    using enum control::Type;
    CHECK(types == std::vector{event, message, event, message});
}

TEST_CASE("a controller that does not read loses messages, and learns how many")
{
    Served served;
    const os::UniqueFd fd = served.raw();
    send_raw(fd.borrow(), request_packet(1, {{"verb", "messages"}}));
    CHECK(next_message(fd.borrow())->type == control::Type::progress);
    const std::string long_one(300'000, 'x');
    int taken = 0;
    while (say(served, {3, 1, "api"}, long_one) == 1)
        ++taken;
    CHECK(say(served, {3, 1, "api"}, long_one) == -ENOBUFS);
    for (int i = 0; i < taken; ++i)
        CHECK(next_message(fd.borrow())->bytes.value().size() == long_one.size());
    CHECK(eventually([&] { return say(served, {3, 1, "api"}, "again") == 1; }));
    CHECK(next_message(fd.borrow())->body.at("missed").as_int64() >= 2);
    CHECK(next_message(fd.borrow())->bytes == "again");
}

TEST_CASE("send: attached, or in the request, and a descriptor needs the highest role")
{
    Served served;
    Client client = served.client();
    const auto send = [&](boost::json::object arguments, std::optional<std::string> bytes = {},
                          os::UniqueFd handle = {}) {
        arguments["verb"] = "send";
        return client.request(
            {control::Type::request, 0, std::move(arguments), std::move(bytes), std::move(handle)},
            soon());
    };
    CHECK(send({{"target", "api"}}, std::string{"a\0b", 3}).message == std::string{"api:a\0b", 7});
    CHECK(send({{"text", "all of you"}}).message == "all:all of you");
    const Answer json = send({{"json", {{"a", 1}}}}, {}, end_of_a_pipe());
    CHECK(json.message == R"(all:{"a":1})");
    CHECK(json.data == boost::json::object{{"json", true}, {"handle", true}});
    CHECK(send({{"content", "json"}}, "{}").data.at("json").as_bool());
    CHECK(send({}, std::string(3'000'000, 'x')).message.size() == 3'000'004);
    CHECK(send({{"content", "xml"}}, "<a/>").exit == exit_usage);
    CHECK(send({{"text", "one"}}, "other").exit == exit_usage);
    CHECK(send({}).exit == exit_usage);
}

TEST_CASE("bytes and descriptors that a verb does not take are refused, and closed")
{
    Served served;
    Client client = served.client();
    CHECK(
        client.request({control::Type::request, 0, {{"verb", "version"}}, "x", {}}, soon()).exit ==
        exit_usage);
    CHECK(client
              .request({control::Type::request, 0, {{"verb", "version"}}, {}, end_of_a_pipe()},
                       soon())
              .message == "this verb takes no bytes and no descriptor");
    CHECK(
        client.request({control::Type::request, 0, {{"verb", "nix"}}, {}, end_of_a_pipe()}, soon())
            .exit == exit_usage);
}

TEST_CASE("targets: a pool, a slot or a worker")
{
    struct Case {
        std::string text, pool;
        std::optional<unsigned> slot;
        std::uint64_t worker;
    };
    for (const Case& each :
         {Case{"", "", {}, 0}, Case{"api", "api", {}, 0}, Case{"api/2", "api", 2, 0},
          Case{"17", "", {}, 17}, Case{"api/x", "api/x", {}, 0}, Case{"7x", "7x", {}, 0}}) {
        const auto filter = WorkerFilter::of(each.text);
        CHECK(filter.pool == each.pool);
        CHECK(filter.slot == each.slot);
        CHECK(filter.worker == each.worker);
    }
}
