// SPDX-License-Identifier: MIT
// Names of pools, sockets and variables, and what somebody who mistyped one may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ostler::config
{

[[nodiscard]] bool valid_name(std::string_view name);     // [a-z][a-z0-9_-]*, at most 64 bytes
[[nodiscard]] bool valid_variable(std::string_view name); // [A-Za-z_][A-Za-z0-9_]*
// What the daemon itself says to a worker by its environment: OSTLER_SLOT, LISTEN_FDS, …
[[nodiscard]] bool set_by_ostlerd(std::string_view variable);

// `; did you mean "web"?` where one of `known` is close to `word`, else nothing.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     const std::vector<std::string_view>& known);

// "a, b or c"
[[nodiscard]] std::string one_of(const std::vector<std::string_view>& words);

} // namespace ostler::config
