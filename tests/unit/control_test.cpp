// SPDX-License-Identifier: MIT
// The control protocol's bytes: packets and their parts, and what is not UTF-8.
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ipc/control/address.hpp"
#include "ipc/control/protocol.hpp"
#include "ipc/text/utf8.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace ostler::control;
using Outcome = Assembler::Outcome;

namespace
{

Message status_of(std::size_t bytes)
{
    return {Type::reply, 7, {{"exit", 0}, {"text", std::string(bytes, 'x')}}};
}

Outcome feed(Assembler& assembler, const std::string& packet, Message& message)
{
    return assembler.feed(std::as_bytes(std::span{packet}), message);
}

std::string raw(std::uint16_t type, std::uint16_t flags, std::uint32_t request,
                const std::string& payload)
{
    std::string packet(wire::header_size, '\0');
    wire::Writer writer{std::as_writable_bytes(std::span{packet})};
    wire::write_fields(writer, wire::Header{type, flags, request});
    return packet + payload;
}

} // namespace

TEST_CASE("a control message comes out as it went in, in as many packets as it needs")
{
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, max_part, 3 * max_part}) {
        const Message sent = status_of(bytes);
        const auto packets = packets_of(sent, max_reply);
        CHECK(packets.size() == (bytes + 18) / max_part + 1);
        Assembler assembler{max_reply};
        Message got;
        for (std::size_t i = 0; i + 1 < packets.size(); ++i) {
            CHECK(packets[i].size() == max_packet);
            REQUIRE(feed(assembler, packets[i], got) == Outcome::unfinished);
        }
        REQUIRE(feed(assembler, packets.back(), got) == Outcome::message);
        CHECK(got.type == Type::reply);
        CHECK(got.request == 7);
        CHECK(got.body == sent.body);
    }
}

TEST_CASE("a control message beyond its limit is neither sent nor put together")
{
    const Message large = status_of(2 * max_part);
    CHECK(packets_of(large, max_part).empty());
    const auto packets = packets_of(large, max_reply);
    Assembler assembler{max_part + 10};
    Message got;
    REQUIRE(feed(assembler, packets[0], got) == Outcome::unfinished);
    CHECK(feed(assembler, packets[1], got) == Outcome::broken);
}

TEST_CASE("any bytes get an outcome from the assembler of control messages")
{
    struct Case {
        std::string packet;
        Outcome outcome;
    };
    const std::vector<Case> cases{
        {"", Outcome::broken},
        {"1234567", Outcome::broken},
        {raw(0x100, 0, 3, ""), Outcome::not_json},
        {raw(0x100, 0, 3, "{"), Outcome::not_json},
        {raw(0x100, 0, 3, "[1]"), Outcome::not_json},
        {raw(0x100, 0, 3, "{\"a\":\"\xff\"}"), Outcome::not_json},
        {raw(0x100, 0, 3, std::string(100'000, '[')), Outcome::not_json},
        {raw(0x100, 0, 3, "{}"), Outcome::message},
        {raw(0x100, 0x8000, 3, "{}"), Outcome::message}, // a flag of a newer peer
        {raw(0x1ff, 0, 3, "{}"), Outcome::skipped},
        {raw(0x100, attached, 3, std::string{"\2\0\0\0{}bytes", 11}), Outcome::message},
        {raw(0x100, attached, 3, std::string{"\2\0\0\0{}", 6}), Outcome::message},
        {raw(0x100, attached, 3, std::string{"\3\0\0\0{}", 6}), Outcome::not_json},
        {raw(0x100, attached, 3, std::string{"\377\377\377\377{}", 6}), Outcome::not_json},
        {raw(0x100, attached, 3, "{}"), Outcome::not_json},
        {raw(16, 0, 0, "\1\2\3"), Outcome::skipped},
        {raw(0x100, more, 3, "{"), Outcome::unfinished},
    };
    for (const Case& each : cases) {
        Assembler assembler{max_request};
        Message got;
        CAPTURE(each.packet.substr(0, 40));
        CHECK(feed(assembler, each.packet, got) == each.outcome);
    }
}

TEST_CASE("what is attached to a control message comes out as it went in")
{
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{5}, 3 * max_part}) {
        Message sent{Type::message, 7, {{"worker", 3}}, std::string(bytes, '\0'), {}};
        Assembler assembler{max_reply};
        Message got;
        auto outcome = Outcome::unfinished;
        for (const std::string& packet : packets_of(sent, max_reply)) {
            REQUIRE(outcome == Outcome::unfinished);
            outcome = feed(assembler, packet, got);
        }
        CHECK(outcome == Outcome::message);
        CHECK(got.body == sent.body);
        CHECK(got.bytes == sent.bytes);
    }
    Message long_one{Type::message, 7, {}, std::string(max_attachment + 1, 'x'), {}};
    CHECK(packets_of(long_one, max_reply).empty());
}

TEST_CASE("the parts of a control message must follow one another")
{
    Message got;
    Assembler assembler{max_request};
    REQUIRE(feed(assembler, raw(0x100, more, 3, "{\"verb\":"), got) == Outcome::unfinished);
    CHECK(feed(assembler, raw(0x100, 0, 4, "{}"), got) == Outcome::broken);
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one, the rest is left alone")
{
    struct Case {
        std::string text, valid;
    };
    const std::vector<Case> cases{
        {"", ""},
        {"plain", "plain"},
        {"\u00e9 \u20ac \U0001f40e", "\u00e9 \u20ac \U0001f40e"},
        {"a\xff"
         "b",
         "a\ufffd"
         "b"},
        {"\xc3", "\ufffd"},                               // cut
        {"\xc0\x80", "\ufffd\ufffd"},                     // overlong NUL
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},           // a surrogate
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}, // beyond the last character
        {std::string{"\0\x1b", 2}, std::string{"\0\x1b", 2}},
    };
    for (const Case& each : cases)
        CHECK(text::valid_utf8(each.text) == each.valid);

    const Message worker{Type::line, 1, {{"text", "\xff\xfe"}}};
    Assembler assembler{max_reply};
    Message got;
    REQUIRE(feed(assembler, packets_of(worker, max_reply).at(0), got) == Outcome::message);
    CHECK(got.body.at("text") == "\ufffd\ufffd");
}

TEST_CASE("a control path has at most 107 bytes")
{
    CHECK(address_of(std::string(107, 'x')));
    CHECK(!address_of(std::string(108, 'x')));
    CHECK(!address_of(""));
    CHECK(bad_path(std::string(200, 'x')).find("200 bytes") != std::string::npos);
}
