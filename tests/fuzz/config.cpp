// SPDX-License-Identifier: MIT
// Any text as a spec: a spec or problems, never neither, and every problem has its sentence.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text{reinterpret_cast<const char*>(data), size};
    const auto loaded = ostler::config::parse(text, "/tmp/ostler.yaml", {.insecure = true});
    if (loaded.spec.has_value() != loaded.problems.empty())
        std::abort();
    for (const auto& problem : loaded.problems)
        if (problem.message.empty() || to_string(problem, "/tmp/ostler.yaml").empty())
            std::abort();
    return 0;
}
