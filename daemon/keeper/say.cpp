// SPDX-License-Identifier: MIT
#include "daemon/keeper/say.hpp"

#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace ostler::keeper
{

// One write, so that lines of several processes do not mix. The journal reads the level, error.
void say(const char* format, ...)
{
    char line[PATH_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char* level = std::getenv("JOURNAL_STREAM") != nullptr ? "<3>" : "";
    ::dprintf(STDERR_FILENO, "%sostlerd: %s\n", level, line);
}

} // namespace ostler::keeper
