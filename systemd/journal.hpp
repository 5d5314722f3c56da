// SPDX-License-Identifier: MIT
// Writing to the journal through stderr: whether stderr leads there, and the priority that a line
// begins with.
#pragma once

#include <string>
#include <string_view>
#include <sys/stat.h>

namespace ostler::systemd
{

// The levels of syslog, which the journal keeps.
enum class Priority { critical = 2, error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// systemd sets JOURNAL_STREAM to "device:inode" of the stream it connected. It is inherited, and
// stderr may have been redirected since: only where both agree is `stream` the journal.
[[nodiscard]] bool leads_to_journal(const char* journal_stream, const struct stat& stream);
[[nodiscard]] bool stderr_leads_to_journal();

// "<4>": what a line begins with. The journal makes an entry of each line, so each needs its own.
[[nodiscard]] std::string journal_prefix(Priority priority);

} // namespace ostler::systemd
