// SPDX-License-Identifier: MIT
// The page of shared memory beside a worker's channel: three hints that the worker stores and the
// master reads. It is a memfd of page_bytes sealed against shrinking, growing and further seals.
// Nothing the master must be right about depends on it: a worker that writes nonsense here is
// routed around or not, and that is all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ostler::wire
{

struct Page {
    std::atomic<std::uint64_t>
        busy_since; // CLOCK_MONOTONIC in ns when the event loop came back to work; 0 while it waits
    std::atomic<std::uint64_t>
        taken;                       // connections taken from its queues or listening sockets, ever
    std::atomic<std::uint64_t> done; // of those, the ones it has finished with
};
static_assert(sizeof(Page) == 24 && std::atomic<std::uint64_t>::is_always_lock_free);

inline constexpr std::size_t page_bytes = 4096;

} // namespace ostler::wire
