// SPDX-License-Identifier: MIT
// Reads specs from text in tests, in an environment of the test's own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace ostler::config
{

using Variables = std::map<std::string, std::string>;

inline LoadOptions with(const Variables& variables)
{
    return {.insecure = true, .environment = [variables](const char* name) {
                const auto found = variables.find(name);
                return found == variables.end() ? nullptr : found->second.c_str();
            }};
}

inline Loaded parse_in(const std::string& text, const Variables& more = {},
                       const std::string& path = "/usr/spec.yaml")
{
    Variables variables{{"PATH", "/usr/bin:/bin"}};
    variables.insert(more.begin(), more.end());
    return parse(text, path, with(variables));
}

// As an operator sees them.
inline std::vector<std::string> lines_of(const Loaded& loaded)
{
    std::vector<std::string> lines;
    for (const Diagnostic& problem : loaded.problems)
        lines.push_back(to_string(problem, "spec.yaml"));
    return lines;
}

} // namespace ostler::config
