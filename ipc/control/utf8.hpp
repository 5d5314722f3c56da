// SPDX-License-Identifier: MIT
// Text from workers and file names may be any bytes; JSON is UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ostler::control
{

// How many bytes of `text` are one well-formed UTF-8 character at its beginning; 0 if none is.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// The same text with U+FFFD for each byte that belongs to no character.
[[nodiscard]] std::string valid_utf8(std::string text);

// For people: control characters (but tabs) and bytes that belong to no character as \x1b, so that
// no terminal obeys them. C1 controls count, as some terminals obey those too.
[[nodiscard]] std::string printable(std::string_view text);
// The same for text of several lines: newlines stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

} // namespace ostler::control
