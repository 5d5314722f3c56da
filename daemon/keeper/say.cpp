// SPDX-License-Identifier: MIT
#include "daemon/keeper/say.hpp"

#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ostler::keeper
{
namespace
{

// As systemd/journal.hpp has it, in libc alone: the variable is inherited, stderr may have been
// redirected since.
bool stderr_is_journal()
{
    const char* journal = std::getenv("JOURNAL_STREAM");
    struct stat stream;
    if (journal == nullptr || ::fstat(STDERR_FILENO, &stream) != 0)
        return false;
    char here[64];
    std::snprintf(here, sizeof here, "%ju:%ju", static_cast<std::uintmax_t>(stream.st_dev),
                  static_cast<std::uintmax_t>(stream.st_ino));
    return std::strcmp(journal, here) == 0;
}

bool room_on_stderr()
{
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&room, 1, 0) == 1;
}

} // namespace

// One write, so that lines of several processes do not mix; and no longer than a pipe with any room
// takes without waiting. The journal reads the level, error.
void say(const char* format, ...)
{
    char line[PIPE_BUF];
    std::size_t size = static_cast<std::size_t>(
        std::snprintf(line, sizeof line, "%sostlerd: ", stderr_is_journal() ? "<3>" : ""));
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line + size, sizeof line - size, format, arguments);
    va_end(arguments);
    size += std::strlen(line + size);
    line[size++] = '\n'; // in the place of the terminator
    if (room_on_stderr() && ::write(STDERR_FILENO, line, size) < 0)
        return; // nobody is left to tell
}

} // namespace ostler::keeper
