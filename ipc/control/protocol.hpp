// SPDX-License-Identifier: MIT
// The control protocol: packets of a SOCK_SEQPACKET Unix socket with the header of the native
// protocol and JSON payloads. docs/control.md is its prose.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipc/os/fd.hpp"
#include "ipc/wire/bytes.hpp"

namespace ostler::control
{

inline constexpr int protocol_version = 1;

enum class Type : std::uint16_t {
    request = 0x100,  // client → daemon: {"verb": …, arguments}
    reply = 0x101,    // daemon → client, the last word on a request: {"exit", "message", data}
    progress = 0x102, // daemon → client, before the reply: {"text"}
    line = 0x103,     // daemon → client, before the reply: a line that a worker printed
    event = 0x104,    // daemon → client, before the reply: what happened to a worker
    message = 0x105,  // daemon → client, before the reply: what a worker says to controllers
};

// A payload that does not fit into one packet goes in parts: each but the last has this flag. The
// parts of a message follow one another without anything between them.
inline constexpr std::uint16_t more = 1;
// Bytes that are no JSON follow the JSON, before which a u32 says how long it is. In every part.
inline constexpr std::uint16_t attached = 2;

inline constexpr std::size_t max_packet = 64 * 1024;
inline constexpr std::size_t max_part = max_packet - wire::header_size;
inline constexpr std::size_t max_request = 1024 * 1024;
inline constexpr std::size_t max_reply = 16 * 1024 * 1024;
inline constexpr std::size_t max_attachment = 16 * 1024 * 1024;

// A reply with request 0 is about the connection itself, which ends after it.
inline constexpr std::uint32_t connection_itself = 0;

inline constexpr std::size_t max_handles = 16; // that a request brings, with its first packet

struct Message {
    Type type = Type::request;
    std::uint32_t request = 0;
    boost::json::object body;
    std::optional<std::string> bytes;       // attached
    os::UniqueFd handle;                    // travels with the first packet
    std::vector<os::UniqueFd> further = {}; // and these behind it, of a request that brings several
};

// The packets that carry it, in order. Bytes of the JSON that are not UTF-8 are replaced. Empty
// when the JSON is longer than `limit`, or what is attached than max_attachment.
[[nodiscard]] std::vector<std::string> packets_of(const Message& message, std::size_t limit);

// Puts the parts of messages together again. Total on any bytes.
class Assembler
{
public:
    enum class Outcome {
        unfinished, // more parts follow
        message,    // `message` is it
        skipped,    // of a type that we do not know: a newer peer's
        not_json,   // `message` says which request it was; its body is empty
        broken,     // no packet of this protocol, or too long: nothing can follow
    };
    explicit Assembler(std::size_t limit) : limit_{limit} {}
    void set_limit(std::size_t bytes) { limit_ = bytes; }
    [[nodiscard]] bool within() const { return within_; } // more parts follow
    [[nodiscard]] Outcome feed(std::span<const std::byte> packet, Message& message);

private:
    [[nodiscard]] Outcome finish(const wire::Header& header, Message& message);

    std::size_t limit_;
    std::string payload_; // of the parts so far
    wire::Header first_;  // of the message they belong to
    bool within_ = false;
};

} // namespace ostler::control
