// SPDX-License-Identifier: MIT
// Fields to bytes and back: little-endian integers, strings with a u32 length. Total on any bytes;
// allocates nothing. Ostler runs on little-endian machines only, so copying is encoding; the
// assertion keeps that honest.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace ostler::wire
{

static_assert(std::endian::native == std::endian::little, "the wire format is little-endian");

// Of a user message in one packet, beside its head: one of 64 KiB is not two packets.
inline constexpr std::size_t max_body = 64 * 1024;
inline constexpr std::size_t max_packet = max_body + 512;

// Appends fields to a buffer of the caller. What does not fit makes it not `ok()`, for good.
class Writer
{
public:
    explicit Writer(std::span<std::byte> buffer) : buffer_{buffer} {}

    template <typename T>
    requires std::is_integral_v<T>
    void put(T value) { raw(&value, sizeof value); }
    void put(std::string_view text)
    {
        put(static_cast<std::uint32_t>(text.size()));
        raw(text.data(), text.size());
    }
    void raw(const void* data, std::size_t size)
    {
        if (!ok_ || size > buffer_.size() - used_) {
            ok_ = false;
            return;
        }
        if (size != 0) // memcpy wants a real pointer even for nothing
            std::memcpy(buffer_.data() + used_, data, size);
        used_ += size;
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::span<const std::byte> bytes() const { return {buffer_.data(), used_}; }

private:
    std::span<std::byte> buffer_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

// Reads fields in order. Past the end it gives zeroes and empty strings and is not `ok()` any more.
// Strings are views into the buffer.
class Reader
{
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_{bytes} {}

    template <typename T>
    requires std::is_integral_v<T>
    void get(T& value)
    {
        value = T{};
        if (const std::byte* from = take(sizeof value))
            std::memcpy(&value, from, sizeof value);
    }
    void get(std::string_view& text)
    {
        std::uint32_t size = 0;
        get(size);
        const std::byte* from = take(size);
        text =
            from ? std::string_view{reinterpret_cast<const char*>(from), size} : std::string_view{};
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return bytes_.size() - used_; }
    [[nodiscard]] std::span<const std::byte> rest() const
    {
        return {bytes_.data() + used_, left()};
    }

private:
    const std::byte* take(std::size_t size)
    {
        if (!ok_ || size > left()) {
            ok_ = false;
            return nullptr;
        }
        const std::byte* from = bytes_.data() + used_;
        used_ += size;
        return from;
    }

    std::span<const std::byte> bytes_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

// Every packet begins with it.
struct Header {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t request = 0; // 0: not a request

    template <typename V>
    void fields(V&& visit)
    {
        visit(type);
        visit(flags);
        visit(request);
    }
};
inline constexpr std::size_t header_size = 8;

// A message names its fields once, in `fields(visit)`; these two carry them either way. Trailing
// bytes are a newer peer's fields and are skipped; missing ones are an error.
template <typename Message>
void write_fields(Writer& writer, Message message)
{
    message.fields([&](auto& field) { writer.put(field); });
}
template <typename Message>
[[nodiscard]] bool read_fields(Reader& reader, Message& message)
{
    message.fields([&](auto& field) { reader.get(field); });
    return reader.ok();
}

// A whole packet: header and message, into a buffer of the caller. Empty when it does not fit.
template <typename Message>
[[nodiscard]] std::span<const std::byte> encode(std::span<std::byte> buffer, const Message& message,
                                                std::uint32_t request = 0)
{
    Writer writer{buffer};
    write_fields(writer, Header{static_cast<std::uint16_t>(Message::type), 0, request});
    write_fields(writer, message);
    return writer.ok() ? writer.bytes() : std::span<const std::byte>{};
}

} // namespace ostler::wire
