// SPDX-License-Identifier: MIT
// Everything found wrong so far, and what a value looks like in a message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace ostler::config
{

class Problems
{
public:
    void add(Place place, std::string path, std::string message);
    [[nodiscard]] bool none() const { return found_.empty(); }
    // In the order of the file, each said once: what an alias or the defaults bring into many pools
    // is one mistake.
    [[nodiscard]] std::vector<Diagnostic> sorted() &&;

private:
    std::vector<Diagnostic> found_;
};

// For messages: without control characters, and cut where nobody would read on.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string quote(std::string_view text);

} // namespace ostler::config
