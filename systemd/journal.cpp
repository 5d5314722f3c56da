// SPDX-License-Identifier: MIT
#include "systemd/journal.hpp"

#include <cstdlib>
#include <unistd.h>

namespace ostler::systemd
{

bool leads_to_journal(const char* journal_stream, const struct stat& stream)
{
    const auto here = std::to_string(stream.st_dev) + ':' + std::to_string(stream.st_ino);
    return journal_stream && here == journal_stream;
}

bool stderr_leads_to_journal()
{
    struct stat stream {
    };
    return ::fstat(STDERR_FILENO, &stream) == 0 &&
           leads_to_journal(std::getenv("JOURNAL_STREAM"), stream);
}

std::string journal_prefix(Priority priority)
{
    return '<' + std::to_string(static_cast<int>(priority)) + '>';
}

} // namespace ostler::systemd
