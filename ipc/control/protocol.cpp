// SPDX-License-Identifier: MIT
#include "ipc/control/protocol.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>
#include <utility>

#include "ipc/text/utf8.hpp"

namespace ostler::control
{
namespace
{

std::string packet_of(wire::Header header, std::string_view part)
{
    std::array<std::byte, wire::header_size> bytes{};
    wire::Writer writer{bytes};
    wire::write_fields(writer, header);
    std::string packet{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    packet += part;
    return packet;
}

bool known(std::uint16_t type)
{
    return type >= static_cast<std::uint16_t>(Type::request) &&
           type <= static_cast<std::uint16_t>(Type::event);
}

} // namespace

std::vector<std::string> packets_of(const Message& message, std::size_t limit)
{
    // Only strings in it can hold bytes that are not UTF-8, and replacing those leaves it JSON.
    const std::string payload = text::valid_utf8(boost::json::serialize(message.body));
    std::vector<std::string> packets;
    if (payload.size() > limit)
        return packets;
    for (std::size_t at = 0; at < payload.size(); at += max_part) {
        const std::uint16_t flags = payload.size() - at > max_part ? more : std::uint16_t{0};
        packets.push_back(
            packet_of({static_cast<std::uint16_t>(message.type), flags, message.request},
                      std::string_view{payload}.substr(at, max_part)));
    }
    return packets;
}

Assembler::Outcome Assembler::feed(std::span<const std::byte> packet, Message& message)
{
    wire::Reader reader{packet};
    wire::Header header;
    if (!wire::read_fields(reader, header))
        return Outcome::broken;
    if (within_ && (header.type != first_.type || header.request != first_.request))
        return Outcome::broken;
    if (reader.left() > limit_ - payload_.size())
        return Outcome::broken;
    within_ = true;
    first_ = header;
    payload_.append(reinterpret_cast<const char*>(reader.rest().data()), reader.left());
    return (header.flags & more) != 0 ? Outcome::unfinished : finish(header, message);
}

Assembler::Outcome Assembler::finish(const wire::Header& header, Message& message)
{
    const std::string payload = std::exchange(payload_, {});
    within_ = false;
    message = {static_cast<Type>(header.type), header.request, {}};
    if (!known(header.type))
        return Outcome::skipped;
    boost::system::error_code bad;
    const boost::json::value value = boost::json::parse(payload, bad);
    if (bad || !value.is_object())
        return Outcome::not_json;
    message.body = value.get_object();
    return Outcome::message;
}

} // namespace ostler::control
