// SPDX-License-Identifier: MIT
#include "config/utf8.hpp"

#include <array>
#include <cstdint>

namespace ostler::config
{

namespace
{

// By first byte: how long the character is, and what the second byte may be (the Unicode standard's
// table 3-7; it keeps out overlong forms and surrogates).
struct Form {
    std::uint8_t first_from, first_to;
    std::size_t length;
    std::uint8_t second_from, second_to;
};
constexpr std::array forms{
    Form{0xC2, 0xDF, 2, 0x80, 0xBF}, Form{0xE0, 0xE0, 3, 0xA0, 0xBF},
    Form{0xE1, 0xEC, 3, 0x80, 0xBF}, Form{0xED, 0xED, 3, 0x80, 0x9F},
    Form{0xEE, 0xEF, 3, 0x80, 0xBF}, Form{0xF0, 0xF0, 4, 0x90, 0xBF},
    Form{0xF1, 0xF3, 4, 0x80, 0xBF}, Form{0xF4, 0xF4, 4, 0x80, 0x8F},
};

std::uint8_t byte(std::string_view bytes, std::size_t at)
{
    return static_cast<std::uint8_t>(bytes[at]);
}

bool plain(std::uint8_t c)
{
    return (c >= 0x20 && c < 0x7F) || c == '\t' || c == '\n' || c == '\r';
}

bool fits(const Form& form, std::string_view rest)
{
    if (byte(rest, 0) < form.first_from || byte(rest, 0) > form.first_to ||
        rest.size() < form.length)
        return false;
    if (byte(rest, 1) < form.second_from || byte(rest, 1) > form.second_to)
        return false;
    for (std::size_t i = 2; i < form.length; ++i)
        if ((byte(rest, i) & 0xC0U) != 0x80U)
            return false;
    return true;
}

std::size_t length_of_character(std::string_view rest)
{
    if (byte(rest, 0) < 0x80)
        return plain(byte(rest, 0)) ? 1 : 0;
    for (const Form& form : forms)
        if (fits(form, rest))
            return form.length;
    return 0;
}

} // namespace

std::optional<std::size_t> first_byte_not_text(std::string_view bytes)
{
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t length = length_of_character(bytes.substr(at));
        if (length == 0)
            return at;
        at += length;
    }
    return std::nullopt;
}

} // namespace ostler::config
