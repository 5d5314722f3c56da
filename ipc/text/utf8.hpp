// SPDX-License-Identifier: MIT
// Text from files, workers and file names may be any bytes; JSON and terminals want UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ostler::text
{

// How many bytes of `text` are one well-formed UTF-8 character at its beginning; 0 if none is.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// The first byte that is not part of well-formed UTF-8, or is a control character other than tab
// and line ends.
[[nodiscard]] std::optional<std::size_t> first_byte_not_text(std::string_view bytes);

// The same text with U+FFFD for each byte that belongs to no character.
[[nodiscard]] std::string valid_utf8(std::string text);

// For people: control characters (but tabs) and bytes that belong to no character as \x1b, so that
// no terminal obeys them. C1 controls count, as some terminals obey those too.
[[nodiscard]] std::string printable(std::string_view text);
// The same for text of several lines: newlines stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

} // namespace ostler::text
