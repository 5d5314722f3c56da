// SPDX-License-Identifier: MIT
#include "daemon/logs.hpp"

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "daemon/output_reader.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;

namespace
{

struct Pipe {
    os::UniqueFd read, write;
};

Pipe make_pipe()
{
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {os::UniqueFd{os::adopt, ends[0]}, os::UniqueFd{os::adopt, ends[1]}};
}

std::vector<std::string> texts(const std::vector<LogLine>& lines)
{
    std::vector<std::string> found;
    found.reserve(lines.size());
    for (const auto& line : lines)
        found.push_back(line.text);
    return found;
}

using Texts = std::vector<std::string>;

class Captured
{
public:
    void print(const std::string& pool, unsigned slot, std::uint64_t worker,
               const std::string& text, Stream stream = Stream::out)
    {
        auto [read, write] = make_pipe();
        logs->capture(std::move(read), pool, slot, worker, stream);
        std::string_view rest = text;
        ::fcntl(write.get(), F_SETFL, O_NONBLOCK);
        while (!rest.empty()) { // the loop makes room
            const ssize_t count = ::write(write.get(), rest.data(), rest.size());
            if (count > 0)
                rest.remove_prefix(static_cast<std::size_t>(count));
            loop.poll();
        }
        write.reset();
        loop.restart();
        loop.run(); // to the pipe's end
        loop.restart();
    }
    boost::asio::io_context loop;
    std::unique_ptr<Logs> logs = Logs::make(loop.get_executor());
};

} // namespace

TEST_CASE("output is cut into lines wherever the pieces end")
{
    struct Case {
        Texts pieces, lines;
    };
    for (const Case& each :
         {Case{{"a\nb\n"}, {"a", "b"}}, Case{{"a", "b", "\nc\n"}, {"ab", "c"}},
          Case{{"\n\n"}, {"", ""}}, Case{{"no end"}, {"no end"}},
          Case{{"12345678\n"}, {"12345678"}}, // as long as may be
          Case{{"123456789\n"}, {"12345678", "9"}}, Case{{"1234567", "89\n"}, {"12345678", "9"}},
          Case{{"12345678", "\nx"}, {"12345678", "x"}}, Case{{"12345678", "9"}, {"12345678", "9"}},
          Case{{std::string{"\0\xff\n", 3}}, {std::string{"\0\xff", 2}}}}) {
        LineCutter cutter{8};
        Texts lines;
        const auto sink = [&](std::string_view line) { lines.emplace_back(line); };
        for (const auto& piece : each.pieces)
            cutter.feed(piece, sink);
        cutter.finish(sink);
        CHECK(lines == each.lines);
    }
}

TEST_CASE("what workers print is kept by slot, in the order it came")
{
    Captured captured;
    captured.print("api", 0, 1, "one\n");
    captured.print("api", 1, 2, "two\n", Stream::err);
    captured.print("web", 0, 3, "three");
    captured.print("api", 0, 4, "four\n");
    Logs& logs = *captured.logs;

    CHECK(texts(logs.tail({}, 10)) == Texts{"one", "two", "three", "four"});
    CHECK(texts(logs.tail({}, 2)) == Texts{"three", "four"});
    CHECK(texts(logs.tail({.pool = "api"}, 10)) == Texts{"one", "two", "four"});
    CHECK(texts(logs.tail({.pool = "api", .slot = 0}, 10)) == Texts{"one", "four"});
    CHECK(texts(logs.tail({.worker = 4}, 10)) == Texts{"four"});
    CHECK(logs.tail({.pool = "nix"}, 10).empty());

    const auto two = logs.tail({.worker = 2}, 1).at(0);
    CHECK(two.pool == "api");
    CHECK(two.slot == 1);
    CHECK(two.stream == Stream::err);
    CHECK(two.time_us > 0);

    logs.forget_pool("api");
    CHECK(texts(logs.tail({}, 10)) == Texts{"three"});
}

TEST_CASE("a flood keeps its last lines, within bounds, and costs no other slot its own")
{
    Captured captured;
    captured.print("quiet", 0, 1, "still here\n");
    std::string flood;
    for (int i = 1; i <= 50'000; ++i)
        flood += "line " + std::to_string(i) + '\n';
    captured.print("loud", 0, 2, flood);
    captured.print("empty", 0, 3, std::string(50'000, '\n'));
    captured.print("long", 0, 4, std::string(1'000'000, 'x'));

    const auto loud = captured.logs->tail({.pool = "loud"}, 100'000);
    CHECK(loud.back().text == "line 50000");
    CHECK(loud.size() > 100);
    CHECK(loud.size() * sizeof(LogLine) < 4 * Logs::max_slot_bytes);
    CHECK(captured.logs->tail({.pool = "empty"}, 100'000).size() <
          Logs::max_slot_bytes / sizeof(std::string));
    std::size_t bytes = 0;
    for (const auto& line : captured.logs->tail({.pool = "long"}, 100'000)) {
        CHECK(line.text.size() <= Logs::max_line_bytes);
        bytes += line.text.size();
    }
    CHECK(bytes <= Logs::max_slot_bytes);
    CHECK(texts(captured.logs->tail({.pool = "quiet"}, 10)) == Texts{"still here"});
}

TEST_CASE("the sink hears every line, a follower those he asked for, until he leaves")
{
    Captured captured;
    Texts all, some;
    captured.logs->set_sink([&](const LogLine& line) { all.push_back(line.text); });
    const auto follower = captured.logs->follow(
        {.pool = "api"}, [&](const LogLine& line) { some.push_back(line.text); });
    captured.print("api", 0, 1, "one\n");
    captured.print("web", 0, 2, "two\n");
    captured.logs->unfollow(follower);
    captured.print("api", 0, 3, "three\n");
    CHECK(all == Texts{"one", "two", "three"});
    CHECK(some == Texts{"one"});
}

TEST_CASE("logs may end while pipes are still open")
{
    boost::asio::io_context loop;
    auto [read, write] = make_pipe();
    {
        const auto logs = Logs::make(loop.get_executor());
        logs->capture(std::move(read), "api", 0, 1, Stream::out);
        loop.poll();
    }
    loop.restart();
    loop.run();
    pollfd end{write.get(), POLLOUT, 0};
    CHECK(::poll(&end, 1, 0) == 1);
    CHECK((end.revents & POLLERR) != 0); // nobody reads it any more
}
