// SPDX-License-Identifier: MIT
// A hostile worker: finds the page it shares with the master and writes nonsense into it.
#pragma once

#include <cstdint>
#include <ctime>

namespace ostler::test
{

class PageScribbler
{
public:
    PageScribbler(); // finds the mapping of this process; none: does nothing
    // The next nonsense in each field: zero, the largest number, the future, backwards, in turn.
    void scribble();
    // Tries to cut the page away under the master. True when the kernel let it.
    [[nodiscard]] static bool could_shrink();

private:
    volatile std::uint64_t* fields_ = nullptr;
    unsigned turn_ = 0;
};

} // namespace ostler::test
