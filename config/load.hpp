// SPDX-License-Identifier: MIT
// From a file to a Spec, or to everything that is wrong with it. Looks users, groups, executables
// and folders up: the result holds numbers and absolute paths.
#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/spec.hpp"

namespace ostler::config
{

struct Diagnostic {
    Place place;
    std::string path;    // "pools.api.workers"; empty for the file as a whole
    std::string message; // a sentence that says what to do
};

struct Loaded {
    std::optional<Spec> spec;         // only when nothing is wrong
    std::vector<Diagnostic> problems; // in the order of the file
    std::string text;                 // as read
};

struct LoadOptions {
    bool insecure = false; // accept a file or folders that others may write (--insecure-spec)
    // Where ${VAR}, PATH and OSTLER_SCHED_POLICY come from; null where there is no such variable.
    std::function<const char*(const char* name)> environment = [](const char* name) {
        return std::getenv(name);
    };
};

[[nodiscard]] Loaded load(const std::string& path, const LoadOptions& options = {});
// The same for text already in hand; `path` is for messages and relative paths.
[[nodiscard]] Loaded parse(std::string text, const std::string& path,
                           const LoadOptions& options = {});

// "file:line:column: path: message"; without a place "file: message".
[[nodiscard]] std::string to_string(const Diagnostic& problem, const std::string& file);

} // namespace ostler::config
