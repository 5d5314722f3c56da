// SPDX-License-Identifier: MIT
// The keeper's few sentences, on stderr. libc only, no heap.
#pragma once

namespace ostler::keeper
{

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);

} // namespace ostler::keeper
