// SPDX-License-Identifier: MIT
// For what only a bug of our own can cause; compiled in always. Bytes from another process never
// get here.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace ostler
{

inline void ensure(bool holds, const char* why,
                   std::source_location where = std::source_location::current())
{
    if (holds) [[likely]]
        return;
    std::fprintf(stderr, "ostler: bug at %s:%u: %s\n", where.file_name(), where.line(), why);
    std::abort();
}

} // namespace ostler
