// SPDX-License-Identifier: MIT
// What holds for every message of ours: bytes that decode come out the same when encoded again.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <span>

#include "ipc/wire/bytes.hpp"

namespace ostler::fuzz
{

template <typename Message>
void try_message(std::span<const std::byte> packet)
{
    static std::array<std::byte, wire::max_packet> buffer;
    wire::Reader reader{packet};
    wire::Header header;
    Message message;
    if (!read_fields(reader, header) || !read_fields(reader, message))
        return;
    const auto again = wire::encode(std::span{buffer}, message, header.request);
    const auto fields = again.subspan(wire::header_size);
    const auto came =
        packet.subspan(wire::header_size, packet.size() - wire::header_size - reader.left());
    if (again.empty() || !std::ranges::equal(fields, came))
        std::abort();
}

template <typename... Messages>
int try_messages(std::span<const std::byte> packet)
{
    if (packet.size() <= wire::max_packet)
        (try_message<Messages>(packet), ...);
    return 0;
}

} // namespace ostler::fuzz
