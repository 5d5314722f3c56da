// SPDX-License-Identifier: MIT
// The keeper's few sentences, on stderr. libc only, no heap. Never waits: a line for which stderr
// has no room is lost, as whoever does not read the log must not stop the reaper.
#pragma once

namespace ostler::keeper
{

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);

} // namespace ostler::keeper
