// SPDX-License-Identifier: MIT
#include "ipc/text/utf8.hpp"

#include <array>

namespace ostler::text
{
namespace
{

// Table 3-7 of the Unicode standard: which second byte each first byte allows, and how long it is;
// without ASCII, which nearly everything is.
struct Form {
    unsigned char first_from, first_to;
    unsigned char second_from, second_to;
    std::size_t length;
};
constexpr std::array forms{
    Form{0xc2, 0xdf, 0x80, 0xbf, 2}, Form{0xe0, 0xe0, 0xa0, 0xbf, 3},
    Form{0xe1, 0xec, 0x80, 0xbf, 3}, Form{0xed, 0xed, 0x80, 0x9f, 3},
    Form{0xee, 0xef, 0x80, 0xbf, 3}, Form{0xf0, 0xf0, 0x90, 0xbf, 4},
    Form{0xf1, 0xf3, 0x80, 0xbf, 4}, Form{0xf4, 0xf4, 0x80, 0x8f, 4},
};

unsigned char byte_at(std::string_view text, std::size_t at)
{
    return static_cast<unsigned char>(text[at]);
}

bool fits(const Form& form, std::string_view text)
{
    if (text.size() < form.length)
        return false;
    if (byte_at(text, 1) < form.second_from || byte_at(text, 1) > form.second_to)
        return false;
    for (std::size_t i = 2; i < form.length; ++i)
        if ((byte_at(text, i) & 0xc0) != 0x80)
            return false;
    return true;
}

bool belongs_to_text(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

bool is_control(std::string_view character)
{
    const unsigned char first = byte_at(character, 0);
    if (character.size() == 1)
        return (first < 0x20 && first != '\t') || first == 0x7f;
    return first == 0xc2 && byte_at(character, 1) < 0xa0;
}

std::string escaped(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        text += {'\\', 'x', digits[byte_at(bytes, i) / 16], digits[byte_at(bytes, i) % 16]};
    return text;
}

} // namespace

std::size_t utf8_length(std::string_view text)
{
    if (text.empty())
        return 0;
    if (byte_at(text, 0) < 0x80)
        return 1;
    for (const Form& form : forms)
        if (form.first_from <= byte_at(text, 0) && byte_at(text, 0) <= form.first_to)
            return fits(form, text) ? form.length : 0;
    return 0;
}

std::optional<std::size_t> first_byte_not_text(std::string_view bytes)
{
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t length = utf8_length(bytes.substr(at));
        if (length == 0 || !belongs_to_text(byte_at(bytes, at)))
            return at;
        at += length;
    }
    return std::nullopt;
}

std::string valid_utf8(std::string text)
{
    std::size_t good = 0;
    while (const std::size_t length = utf8_length(std::string_view{text}.substr(good)))
        good += length;
    if (good == text.size())
        return text; // as nearly always

    std::string fixed{text, 0, good};
    for (std::string_view rest = std::string_view{text}.substr(good); !rest.empty();) {
        const std::size_t length = utf8_length(rest);
        fixed += length != 0 ? rest.substr(0, length) : std::string_view{"\xef\xbf\xbd"};
        rest.remove_prefix(length != 0 ? length : 1);
    }
    return fixed;
}

std::string printable(std::string_view text)
{
    std::string safe;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view next = text.substr(0, length != 0 ? length : 1);
        safe += length == 0 || is_control(next) ? escaped(next) : std::string{next};
        text.remove_prefix(next.size());
    }
    return safe;
}

std::string printable_lines(std::string_view text)
{
    std::string safe;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        safe += printable(text.substr(0, end)) + "\n";
        text.remove_prefix(end + 1);
    }
    return safe + printable(text);
}

} // namespace ostler::text
