// SPDX-License-Identifier: MIT
// User messages on the master's side: put together, passed on, kept waiting, refused.
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>

#include "daemon/load_page.hpp"
#include "daemon/post.hpp"
#include "ipc/channel/incoming.hpp"
#include "ipc/channel/native_dialect.hpp"
#include "ipc/channel/packet_channel.hpp"
#include "ipc/os/packet.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/run_until.hpp"

using namespace ostler;
using namespace ostler::test;
using namespace std::chrono_literals;
namespace native = ostler::wire::native;
using ipc::Delivery;
using native::From;
using native::To;

namespace
{

std::shared_ptr<const std::string> body(std::size_t size, char of = 'x')
{
    return std::make_shared<const std::string>(size, of);
}

os::UniqueFd some_descriptor()
{
    return os::UniqueFd{os::adopt, ::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

// A worker's end in the hands of the test, and what its dialect says about it.
class Line final : public ipc::DialectEvents
{
public:
    explicit Line(ipc::MessageLimits limits = {})
    {
        dialect = ipc::make_native_dialect(loop.get_executor(), {7, 0, 1, "api", {}},
                                           page.descriptor(), limits, *this);
        auto outfit = dialect->outfit();
        end = std::move(std::get<ipc::Outfit>(outfit).descriptors.front().descriptor);
        dialect->started();
        say(native::Hello{.library = "test"}, 1);
        REQUIRE(until([&] { return online; }));
        REQUIRE(hear().type == static_cast<std::uint16_t>(native::Type::welcome));
    }
    ~Line() override
    {
        if (dialect)
            static_cast<void>(dialect->release());
    }

    template <typename Predicate>
    bool until(Predicate predicate)
    {
        return run_until(loop, predicate);
    }
    void turn() // of the loop, for all that is there
    {
        loop.restart();
        while (loop.poll_one() != 0) {
        }
    }

    template <typename Message>
    void say(const Message& message, std::uint32_t request)
    {
        std::array<std::byte, 512> space;
        send(wire::encode(space, message, request), {});
    }
    void send(std::span<const std::byte> packet, std::span<const int> lent)
    {
        REQUIRE(os::send_packet(end.borrow(), packet, lent) == 0);
    }
    // A part of a message to worker 9.
    void say_part(const std::string& text, std::uint32_t request, std::uint16_t flags = 0,
                  std::vector<int> lent = {}, native::Message fields = {1, 0, 9, ""})
    {
        std::vector<std::byte> space(wire::max_packet);
        wire::Writer writer{space};
        wire::write_fields(writer, wire::Header{16, flags, request});
        if ((flags & native::continued) == 0)
            wire::write_fields(writer, fields);
        writer.raw(text.data(), text.size());
        REQUIRE(writer.ok());
        send(writer.bytes(), lent);
    }

    struct Heard {
        int rc = 0;
        std::uint16_t type = 0;
        std::uint16_t flags = 0;
        std::uint32_t request = 0;
        std::int32_t value = 0; // error or recipients
        std::size_t size = 0;
        bool handle = false;
    };
    // What lies in the worker's end now.
    Heard hear()
    {
        std::vector<std::byte> space(wire::max_packet);
        os::Received got;
        os::UniqueFd fds[2];
        Heard heard;
        heard.rc = os::receive_packet(end.borrow(), space, fds, got);
        wire::Reader reader{std::span{space}.first(got.bytes)};
        wire::Header header;
        if (heard.rc != 1 || !wire::read_fields(reader, header))
            return heard;
        reader.get(heard.value);
        heard.type = header.type;
        heard.flags = header.flags;
        heard.request = header.request;
        heard.size = got.bytes;
        heard.handle = fds[0].valid();
        return heard;
    }
    // The answer to a request: the errno, or minus the recipients.
    int answer(std::uint32_t request)
    {
        turn();
        const Heard heard = hear();
        REQUIRE(heard.rc == 1);
        CHECK(heard.request == request);
        const bool refused = heard.type == static_cast<std::uint16_t>(native::Type::refused);
        CHECK((refused || heard.type == static_cast<std::uint16_t>(native::Type::sent)));
        return refused ? heard.value : -heard.value;
    }
    Delivery deliver(std::size_t size, os::UniqueFd handle = {})
    {
        return dialect->deliver({From::worker, 3, "b"},
                                {native::Content::bytes, body(size), std::move(handle)});
    }

    void said_online(const std::string&) override { online = true; }
    std::variant<ipc::Grant, ipc::Refusal> asked_for(const std::string&) override
    {
        return ipc::Refusal{ENOENT, ""};
    }
    void asked_for(const ipc::Wanted&, Answer answer) override { answer(ipc::Refusal{EACCES, ""}); }
    void said_listening(const std::string&) override {}
    void said_closed(const std::string&) override {}
    void said_ready() override { ready = true; }
    void said_drained() override {}
    void said_leaving() override {}
    void said_load(std::uint64_t, std::uint64_t, std::uint64_t) override {}
    std::variant<unsigned, ipc::Refusal> said(const ipc::Destination& to,
                                              ipc::Message message) override
    {
        messages.emplace_back(to, std::move(message));
        return outcome;
    }
    void said_in_vain(const ipc::Refusal& refusal) override { in_vain.push_back(refusal.error); }
    void disconnected() override { gone = true; }
    void misbehaved(const std::string& sentence) override { complaint = sentence; }
    void stray(std::vector<os::UniqueFd> descriptors) override
    {
        for (const auto& fd : descriptors)
            strays += fd.valid() ? 1u : 0u;
    }

    boost::asio::io_context loop;
    LoadPage page = LoadPage::make().value();
    std::unique_ptr<ipc::Dialect> dialect;
    os::UniqueFd end;
    bool online = false, ready = false, gone = false;
    std::variant<unsigned, ipc::Refusal> outcome = 1u;
    std::deque<std::pair<ipc::Destination, ipc::Message>> messages;
    std::vector<int> in_vain;
    std::string complaint;
    unsigned strays = 0;
};

} // namespace

TEST_CASE("a worker's message is passed on, and answered where it was a request")
{
    Line line;
    const os::UniqueFd handle = some_descriptor();
    line.say_part("hello", 5, 0, {handle.get()});
    CHECK(line.answer(5) == -1);
    REQUIRE(line.messages.size() == 1);
    const auto& [to, message] = line.messages.front();
    CHECK(to.to == To::worker);
    CHECK(to.worker == 9);
    CHECK(*message.body == "hello");
    CHECK(message.handle.valid());
    line.say_part("no request", 0);
    line.turn();
    CHECK(line.messages.size() == 2);
    CHECK(line.hear().rc == -EAGAIN);
}

TEST_CASE("a worker's message in parts is passed on whole, and others may come between them")
{
    Line line;
    line.say_part("one ", 5, native::more_follows);
    line.say(native::Ready{}, 0);
    line.say_part("two", 5, native::continued);
    CHECK(line.answer(5) == -1);
    CHECK(line.ready);
    CHECK(*line.messages.at(0).second.body == "one two");
}

TEST_CASE("a message that is too long is refused when it ends, and the next one is not harmed")
{
    Line line{{.longest = 2000}};
    const std::string part(1500, 'x');
    const os::UniqueFd handle = some_descriptor();
    line.say_part(part, 5, native::more_follows, {handle.get()});
    line.say_part(part, 5, native::continued | native::more_follows);
    line.turn();
    CHECK(line.hear().rc == -EAGAIN);
    line.say_part(part, 5, native::continued);
    CHECK(line.answer(5) == EMSGSIZE);
    CHECK(line.messages.empty());
    CHECK(line.strays == 1); // closed where it may block
    line.say_part(std::string(2000, 'x'), 6);
    CHECK(line.answer(6) == -1);
    CHECK(line.complaint.empty());
}

TEST_CASE("a message that makes no sense is refused with the reason, and the worker lives")
{
    Line line;
    const os::UniqueFd handle = some_descriptor();
    const int fd = handle.get();
    SECTION("two descriptors")
    {
        line.say_part("x", 5, 0, {fd, fd});
    }
    SECTION("a descriptor with a later part")
    {
        line.say_part("x", 5, native::more_follows);
        line.say_part("x", 5, native::continued, {fd});
    }
    SECTION("an unknown kind")
    {
        line.say_part("x", 5, 0, {}, {4, 0, 9, ""});
    }
    SECTION("an unknown content")
    {
        line.say_part("x", 5, 0, {}, {1, 2, 9, ""});
    }
    const std::string name(65, 'x');
    SECTION("a long name")
    {
        line.say_part("x", 5, 0, {}, {2, 0, 0, name});
    }
    CHECK(line.answer(5) == EINVAL);
    CHECK(line.messages.empty());
    CHECK(line.complaint.empty());
    line.say_part("x", 6);
    CHECK(line.answer(6) == -1);
}

TEST_CASE("a refusal that nobody asked for is told to the daemon instead")
{
    Line line;
    line.outcome = ipc::Refusal{ESRCH, "nobody"};
    line.say_part("x", 0);
    line.say_part("x", 0, 0, {}, {4, 0, 9, ""});
    line.turn();
    CHECK(line.in_vain == std::vector{ESRCH, EINVAL});
    line.say_part("x", 8);
    CHECK(line.answer(8) == ESRCH);
}

TEST_CASE("a request number used twice gets two answers")
{
    Line line;
    line.say_part("one", 5);
    line.say_part("two", 5);
    CHECK(line.answer(5) == -1);
    CHECK(line.answer(5) == -1);
    CHECK(line.complaint.empty());
}

TEST_CASE("a worker that sends torn messages is ended, and nothing more of it is believed")
{
    Line line;
    SECTION("fields that are missing")
    {
        const std::byte torn[] = {std::byte{16}, {}, {}, {}, {}, {}, {}, {}, {}};
        line.send(torn, {});
    }
    SECTION("a part within another message")
    {
        line.say_part("one", 5, native::more_follows);
        line.say_part("two", 6, native::continued);
    }
    SECTION("a message within another")
    {
        line.say_part("one", 5, native::more_follows);
        line.say_part("two", 5);
    }
    const os::UniqueFd handle = some_descriptor();
    line.say_part("after", 0, 0, {handle.get()});
    REQUIRE(line.until([&] { return line.gone; }));
    CHECK(line.complaint.find("torn") != std::string::npos);
    CHECK(line.messages.empty());
    CHECK(line.strays == 1);
}

TEST_CASE("the end of a message whose beginning another master got is skipped")
{
    Line line;
    line.say_part("the end", 5, native::continued);
    line.say_part("x", 6);
    CHECK(line.answer(6) == -1);
    CHECK(line.messages.size() == 1);
}

TEST_CASE("what a worker said before it ended is heard, though it has not read all of ours")
{
    Line line;
    CHECK(line.deliver(10) == Delivery::sent);
    line.say_part("last words", 0);
    line.end.reset();
    REQUIRE(line.until([&] { return line.gone; }));
    REQUIRE(line.messages.size() == 1);
    CHECK(*line.messages.front().second.body == "last words");
}

TEST_CASE("half a message and its descriptor end with the worker")
{
    Line line;
    const os::UniqueFd handle = some_descriptor();
    line.say_part("half", 0, native::more_follows, {handle.get()});
    line.turn();
    line.end.reset();
    REQUIRE(line.until([&] { return line.gone; }));
    CHECK(line.messages.empty());
    static_cast<void>(line.dialect->release());
    CHECK(line.strays == 1);
}

TEST_CASE("a message to a worker goes in as many packets as it needs")
{
    Line line;
    CHECK(line.deliver(150'000, some_descriptor()) == Delivery::sent);
    std::size_t bytes = 0;
    unsigned packets = 0;
    for (std::uint16_t flags = native::more_follows; (flags & native::more_follows) != 0;) {
        line.turn();
        const Line::Heard heard = line.hear();
        REQUIRE(heard.rc == 1);
        CHECK(heard.handle == (packets == 0));
        CHECK(((heard.flags & native::continued) != 0) == (packets != 0));
        flags = heard.flags;
        bytes += heard.size;
        ++packets;
    }
    CHECK(packets == 3);
    CHECK(bytes == 150'000 + (8 + 14 + 1) + 8 + 8);
}

TEST_CASE("a message of 64 KiB is one packet")
{
    Line line;
    CHECK(line.deliver(wire::max_body, {}) == Delivery::sent);
    line.turn();
    const Line::Heard heard = line.hear();
    REQUIRE(heard.rc == 1);
    CHECK((heard.flags & native::more_follows) == 0);
}

TEST_CASE("a worker that does not read costs what its spec allows, and its senders are told")
{
    Line line{{.longest = 100'000, .waiting = 1'000'000}};
    unsigned sent = 0;
    while (line.deliver(50'000) == Delivery::sent)
        REQUIRE(++sent < 100);
    CHECK(sent >= 19); // what the socket holds is on top
    CHECK(line.deliver(50'000) == Delivery::full);
    CHECK(line.deliver(100'001) == Delivery::too_long);
    CHECK(line.dialect->drain(1s)); // our own have room
    unsigned heard = 0;
    CHECK(line.until([&] {
        const Line::Heard packet = line.hear();
        heard += packet.type == 16 ? 1 : 0;
        return packet.type == static_cast<std::uint16_t>(native::Type::drain);
    }));
    CHECK(heard == sent); // in order, none lost
    CHECK(line.deliver(50'000) == Delivery::sent);
}

TEST_CASE("handles that wait for a worker are few")
{
    Line line;
    CHECK(line.deliver(200'000) == Delivery::sent);
    CHECK(line.deliver(200'000) == Delivery::sent); // does not fit any more
    unsigned sent = 0;
    while (line.deliver(1, some_descriptor()) == Delivery::sent)
        REQUIRE(++sent < 1000);
    CHECK(line.deliver(1) == Delivery::sent);
    CHECK(line.deliver(1, some_descriptor()) == Delivery::full);
    static_cast<void>(line.dialect->release());
    CHECK(line.strays == ipc::PacketChannel::max_handles);
}

TEST_CASE("a message of the longest kind finds room where nothing waits")
{
    Line line{{.longest = 1'000'000, .waiting = 1024}};
    CHECK(line.deliver(1'000'000) == Delivery::sent);
    CHECK(line.deliver(1) == Delivery::full);
}

TEST_CASE("a worker that reads nothing while something waits is cut off after its patience")
{
    Line line{{.waiting = 1'000'000, .patience = 50ms}};
    while (line.deliver(50'000) == Delivery::sent) {
    }
    REQUIRE(line.until([&] { return line.gone; }));
    CHECK(line.complaint == "does not read what it is sent");
    CHECK(line.deliver(1) == Delivery::gone);
}

namespace
{

struct Box final : Post::Mailbox {
    Delivery deliver(const ipc::Sender& from, const ipc::Message& message) override
    {
        if (answer == Delivery::sent)
            texts.push_back(std::to_string(from.worker) + from.pool + ":" + *message.body);
        handles += message.handle.valid() ? 1u : 0u;
        return answer;
    }
    Delivery answer = Delivery::sent;
    std::vector<std::string> texts;
    unsigned handles = 0;
};

struct Ear final : Post::Subscriber {
    Delivery heard(const Post::Author& from, const ipc::Message& message) override
    {
        texts.push_back(from.pool + "/" + std::to_string(from.slot) + ":" + *message.body);
        if (!kept.valid() && message.handle.valid())
            kept.reset(::fcntl(message.handle.get(), F_DUPFD_CLOEXEC, 0));
        return Delivery::sent;
    }
    std::vector<std::string> texts;
    os::UniqueFd kept;
};

struct Office {
    boost::asio::io_context loop;
    OffLoop off_loop{loop.get_executor()};
    Post post{off_loop};
    Box a1, a2, b1;
    const Post::Author from_a1{1, 0, "a"};

    Office()
    {
        post.open(from_a1, a1);
        post.open({2, 1, "a"}, a2);
        post.open({3, 0, "b"}, b1);
    }
    int carry(const ipc::Destination& to, bool handle = false)
    {
        const Post::Outcome outcome = post.carry(
            from_a1, to,
            {native::Content::bytes, body(2), handle ? some_descriptor() : os::UniqueFd{}});
        const auto* refusal = std::get_if<ipc::Refusal>(&outcome);
        return refusal ? refusal->error : -static_cast<int>(std::get<unsigned>(outcome));
    }
};

} // namespace

TEST_CASE("a message goes to a worker, to a pool, to all, but to nobody's self")
{
    Office office;
    CHECK(office.carry({To::worker, 3, ""}, true) == -1);
    CHECK(office.b1.texts == std::vector<std::string>{"1a:xx"});
    CHECK(office.b1.handles == 1);
    CHECK(office.carry({To::pool, 0, "a"}) == -1);
    CHECK(office.carry({To::all, 0, ""}) == -2);
    CHECK(office.a2.texts.size() == 2);
    CHECK(office.a1.texts.empty());
    CHECK(office.carry({To::worker, 1, ""}) == -1); // by its number, yes
    CHECK(std::get<unsigned>(office.post.send_to({To::all, 0, ""}, {{}, body(1), {}})) == 3);
    CHECK(office.a1.texts.back() == "0:x");
}

TEST_CASE("a message to nobody is refused, and one that nobody has room for")
{
    Office office;
    CHECK(office.carry({To::worker, 4, ""}) == ESRCH);
    CHECK(office.carry({To::pool, 0, "c"}) == ESRCH);
    CHECK(office.carry({To::controllers, 0, ""}, true) == ESRCH);
    CHECK(office.post.lost_handles() == 1);
    office.b1.answer = Delivery::full;
    CHECK(office.carry({To::worker, 3, ""}) == ENOBUFS);
    CHECK(office.carry({To::all, 0, ""}) == -1); // the others are not harmed
    office.b1.answer = Delivery::too_long;
    CHECK(office.carry({To::worker, 3, ""}) == EMSGSIZE);
    office.b1.answer = Delivery::gone;
    CHECK(office.carry({To::worker, 3, ""}) == ESRCH);
    office.post.close(2);
    CHECK(office.carry({To::pool, 0, "a"}) == ESRCH);
}

TEST_CASE("row 18: controllers that listen hear what workers say, each with its handle")
{
    Office office;
    Ear one, two;
    office.post.subscribe(one);
    office.post.subscribe(two);
    CHECK(office.carry({To::controllers, 0, ""}, true) == -2);
    CHECK(one.texts == std::vector<std::string>{"a/0:xx"});
    CHECK((one.kept.valid() && two.kept.valid()));
    office.post.unsubscribe(one);
    CHECK(office.carry({To::controllers, 0, ""}) == -1);
    CHECK(two.texts.size() == 2);
    CHECK(office.post.lost_handles() == 0);
}
