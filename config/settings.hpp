// SPDX-License-Identifier: MIT
// What a controller wants its forks to be started with: a few keys laid over a program of the spec.
// They are read by the readers of the spec and looked up anew for each fork, as users, files and
// the spec itself may have changed since they were said.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/parsed.hpp"
#include "config/spec.hpp"
#include "config/tree.hpp"

namespace ostler::config
{

// What was said before, changed by what is said now, key by key; nothing (null) gives a key back to
// the spec. `now` is a map as a program said it (of_program). The result is for settle() to judge.
[[nodiscard]] Parsed<ValuePtr> merge_settings(const ValuePtr& before, const ValuePtr& now);
[[nodiscard]] ValuePtr no_settings();

struct Settled {
    Program program;
    std::size_t exec_args = 0; // so many of its arguments are those of `execArgv`
};

// The program with these settings, or what is wrong with them, a line for each mistake. So many
// descriptors have come along with them.
[[nodiscard]] Parsed<Settled> settle(const ValuePtr& settings, Program program,
                                     std::size_t descriptors, const std::string& folder,
                                     const LoadOptions& options);

// A sentence for each key that means nothing here, but does no harm.
[[nodiscard]] std::vector<std::string> without_effect(const Value& settings);

} // namespace ostler::config
