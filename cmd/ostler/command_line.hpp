// SPDX-License-Identifier: MIT
// argv to a verb and its Call. Options stand before or after the verb; what follows `--` is a
// command's.
#pragma once

#include <optional>

#include "cmd/ostler/verbs.hpp"

namespace ostler::cli
{

struct Parsed {
    const Verb* verb = nullptr;
    Call call;
};

// Nothing when the program should end with `exit`: help was shown, or the mistake was.
[[nodiscard]] std::optional<Parsed> parse_command_line(int argc, const char* const* argv,
                                                       int& exit);

} // namespace ostler::cli
