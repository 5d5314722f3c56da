// SPDX-License-Identifier: MIT
// The command line of ostlerd, which the keeper passes on unread.
#pragma once

#include <optional>
#include <string>

namespace ostler
{

struct Options {
    std::string config; // as found: --config, $OSTLER_CONFIG or the default places
    std::optional<std::string> control;
    bool check = false;
    bool insecure_spec = false;
};

// Nothing when the program should end with `exit`: help was shown, or a sentence was printed.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit);

} // namespace ostler
