// SPDX-License-Identifier: MIT
// ${VAR} in the spec. Variables of the daemon's environment are filled in when the spec is read;
// those of a worker (OSTLER_SLOT, OSTLER_WORKER_ID, OSTLER_POOL, OSTLER_PORT_…) when it starts.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/parsed.hpp"
#include "config/ports.hpp"

namespace ostler::config
{

// Like getenv: null where there is no such variable.
using Environment = std::function<const char*(const char* name)>;

// What the text becomes. `at_once`: plain text. `for_workers`: text for fill_in(), in which the
// worker's variables are still to come and a dollar sign is written `$$`.
enum class Filling { at_once, for_workers };
[[nodiscard]] Parsed<std::string> expand(std::string_view text, const Environment& environment,
                                         Filling filling);

// What only the start of a worker knows.
struct WorkerFacts {
    unsigned slot = 0;
    std::uint64_t worker = 0;
    std::string_view pool = {};
    std::span<const Port> ports = {};
};
// The second half, at the start of each worker: for args, values of env, cwd, paths of output.
[[nodiscard]] std::string fill_in(std::string_view text, const WorkerFacts& facts);

// Text that a program said, not the spec, as text for fill_in(): of its dollar signs only those of
// the worker's variables mean anything. And back.
[[nodiscard]] std::string of_program(std::string_view text);
[[nodiscard]] std::string for_program(std::string_view text);

// The variables in the text that only a worker has.
[[nodiscard]] std::vector<std::string_view> needs_of_worker(std::string_view text);

} // namespace ostler::config
