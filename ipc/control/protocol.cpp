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
           type <= static_cast<std::uint16_t>(Type::message);
}

std::string length_of(std::string_view json)
{
    std::array<std::byte, 4> bytes{};
    wire::Writer writer{bytes};
    writer.put(static_cast<std::uint32_t>(json.size()));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Parts them: the JSON stays. False: they do not fit together.
bool detach(std::string& payload, std::optional<std::string>& bytes)
{
    wire::Reader reader{std::as_bytes(std::span{payload})};
    std::string_view json;
    reader.get(json);
    if (!reader.ok())
        return false;
    bytes = payload.substr(payload.size() - reader.left());
    payload = std::string{json};
    return true;
}

} // namespace

std::vector<std::string> packets_of(const Message& message, std::size_t limit)
{
    // Only strings in it can hold bytes that are not UTF-8, and replacing those leaves it JSON.
    std::string payload = text::valid_utf8(boost::json::serialize(message.body));
    std::vector<std::string> packets;
    if (payload.size() > limit || (message.bytes && message.bytes->size() > max_attachment))
        return packets;
    if (message.bytes)
        payload = length_of(payload) + payload + *message.bytes;
    const std::uint16_t kind = message.bytes ? attached : std::uint16_t{0};
    for (std::size_t at = 0; at < payload.size(); at += max_part) {
        const auto flags =
            static_cast<std::uint16_t>(kind | (payload.size() - at > max_part ? more : 0));
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
    if (payload_.size() + reader.left() > limit_)
        return Outcome::broken;
    within_ = true;
    first_ = header;
    payload_.append(reinterpret_cast<const char*>(reader.rest().data()), reader.left());
    return (header.flags & more) != 0 ? Outcome::unfinished : finish(header, message);
}

Assembler::Outcome Assembler::finish(const wire::Header& header, Message& message)
{
    std::string payload = std::exchange(payload_, {});
    within_ = false;
    message = {static_cast<Type>(header.type), header.request, {}};
    if (!known(header.type))
        return Outcome::skipped;
    if ((header.flags & attached) != 0 && !detach(payload, message.bytes))
        return Outcome::not_json;
    boost::system::error_code bad;
    const boost::json::value value = boost::json::parse(payload, bad);
    if (bad || !value.is_object())
        return Outcome::not_json;
    message.body = value.get_object();
    return Outcome::message;
}

} // namespace ostler::control
