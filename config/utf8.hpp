// SPDX-License-Identifier: MIT
// Whether bytes are text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ostler::config
{

// The first byte that is not part of well-formed UTF-8, or is a control character other than tab
// and line ends.
[[nodiscard]] std::optional<std::size_t> first_byte_not_text(std::string_view bytes);

} // namespace ostler::config
