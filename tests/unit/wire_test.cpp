// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "ipc/wire/bytes.hpp"
#include "ipc/wire/keeper.hpp"
#include "ipc/wire/native.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;

namespace
{

using Bytes = std::vector<std::byte>;

// Calls the function with an example of every message of both protocols.
void each_message(auto&& visit)
{
    using namespace wire::native;
    namespace keeper = wire::keeper;
    visit(Hello{1, 2, 3, "libostler 0.1.0"});
    visit(Welcome{1, 0, 7, 2, 3, "api", "web:admin"});
    visit(Refused{95, "no version in common"});
    visit(Listen{0, 4, 0, "web"});
    visit(Listening{0, 9, 1, 0, "tcp://127.0.0.1:8080", ""});
    visit(Ready{});
    visit(Drain{30'000});
    visit(Drained{});
    visit(Leave{});
    visit(Left{});
    visit(Replaced{9});
    visit(Close{9});
    visit(Closed{});
    visit(Resumed{});
    visit(Load{123, 45, 44});
    visit(keeper::Start{7});
    visit(keeper::Signal{7, 15, 1});
    visit(keeper::Acknowledge{7});
    visit(keeper::Notify{"READY=1"});
    visit(keeper::End{0});
    visit(keeper::Beat{});
    visit(keeper::Started{7, 4711});
    visit(keeper::Exited{7, 1, 0});
}

template <typename Message>
Bytes packet_of(const Message& message, std::uint32_t request = 0)
{
    Bytes space(wire::max_packet);
    const auto used = wire::encode(space, message, request);
    return {used.begin(), used.end()};
}

// Decodes from memory of exactly that size, so that a sanitizer sees each byte too far.
template <typename Message>
bool decodes(const std::byte* bytes, std::size_t size, Message& message, wire::Header& header)
{
    wire::Reader reader{{bytes, size}};
    return wire::read_fields(reader, header) && wire::read_fields(reader, message);
}

template <typename Message>
bool decodes_copy(const Bytes& packet, std::size_t size)
{
    const std::unique_ptr<std::byte[]> exact{new std::byte[size]};
    std::copy_n(packet.begin(), size, exact.get());
    Message message;
    wire::Header header;
    return decodes(exact.get(), size, message, header);
}

Bytes bytes_of(std::initializer_list<int> values)
{
    Bytes bytes;
    for (const int value : values)
        bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

} // namespace

TEST_CASE("every message survives encoding and decoding")
{
    each_message([](const auto& message) {
        using Message = std::decay_t<decltype(message)>;
        const Bytes packet = packet_of(message, 77);
        Message back;
        wire::Header header;
        REQUIRE(decodes(packet.data(), packet.size(), back, header));
        CHECK(header.type == static_cast<std::uint16_t>(Message::type));
        CHECK(header.request == 77);
        CHECK(packet_of(back, 77) == packet);
    });
}

TEST_CASE("a message cut at any byte is refused")
{
    each_message([](const auto& message) {
        using Message = std::decay_t<decltype(message)>;
        const Bytes packet = packet_of(message);
        for (std::size_t size = 0; size < packet.size(); ++size)
            CHECK_FALSE(decodes_copy<Message>(packet, size));
        CHECK(decodes_copy<Message>(packet, packet.size()));
    });
}

TEST_CASE("what a newer peer added at the end of a message is skipped")
{
    each_message([](const auto& message) {
        Bytes packet = packet_of(message);
        packet.resize(packet.size() + 5, std::byte{0xff});
        CHECK(decodes_copy<std::decay_t<decltype(message)>>(packet, packet.size()));
    });
}

TEST_CASE("decoding is total on any bytes")
{
    std::mt19937 random{20'250'101};
    std::uniform_int_distribution<int> byte{0, 255}, length{0, 96};
    for (int round = 0; round < 2'000; ++round) {
        Bytes packet(static_cast<std::size_t>(length(random)));
        std::generate(packet.begin(), packet.end(),
                      [&] { return static_cast<std::byte>(byte(random)); });
        each_message([&](const auto& message) {
            using Message = std::decay_t<decltype(message)>;
            Message back;
            wire::Header header;
            const std::unique_ptr<std::byte[]> exact{new std::byte[packet.size()]};
            std::copy(packet.begin(), packet.end(), exact.get());
            if (decodes(exact.get(), packet.size(), back, header)) {
                std::byte space[128];
                const auto again = wire::encode(space, back); // reads every string to its end
                CHECK((!again.empty() && again.size() <= packet.size()));
            }
        });
    }
}

TEST_CASE("a message that does not fit its buffer is not encoded")
{
    each_message([](const auto& message) {
        const std::size_t needed = packet_of(message).size();
        Bytes space(needed);
        CHECK(wire::encode(space, message).size() == needed);
        space.resize(needed - 1);
        CHECK(wire::encode(space, message).empty());
    });
}

TEST_CASE("hello and a connection look as docs/protocol.md shows them, byte by byte")
{
    wire::native::Hello hello;
    hello.library = "hi";
    CHECK(packet_of(hello, 1) == bytes_of({1, 0, 0, 0, 1,   0,  0, 0, // type, flags, request
                                           1, 0, 1, 0,                // lowest, highest version
                                           0, 0, 0, 0,                // features
                                           2, 0, 0, 0, 'h', 'i'}));

    wire::native::Connection connection;
    connection.id = 0x0102;
    connection.peer_size = 16;
    Bytes raw(sizeof connection);
    std::memcpy(raw.data(), &connection, sizeof connection);
    Bytes expected = bytes_of({32, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 16});
    expected.resize(152);
    CHECK(raw == expected);
}
