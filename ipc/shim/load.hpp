// SPDX-License-Identifier: MIT
// The worker's side of its page: says busy and idle, counts what was taken and done. Without
// a page (the master sent none that can be mapped) it counts for itself alone.
#pragma once

#include <cstdint>

#include "ipc/os/fd.hpp"
#include "ipc/wire/page.hpp"

namespace ostler::shim
{

class Load
{
public:
    Load() = default;
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;
    ~Load() { unmap(); }

    // Maps the page if it is one: sealed, so that nobody can shrink it under us.
    void map(os::FdRef memfd);

    void busy();
    void idle() { store(page().busy_since, 0); }
    void took() { store(page().taken, ++taken_); }
    void finished() { store(page().done, ++done_); }
    [[nodiscard]] std::uint64_t open() const { return taken_ - done_; }

private:
    static void store(std::atomic<std::uint64_t>& field, std::uint64_t value)
    {
        field.store(value, std::memory_order_relaxed);
    }
    wire::Page& page() { return mapped_ != nullptr ? *mapped_ : own_; }
    void unmap();

    wire::Page* mapped_ = nullptr;
    wire::Page own_{};
    std::uint64_t taken_ = 0; // kept here too: what others write into the page is not read back
    std::uint64_t done_ = 0;
};

} // namespace ostler::shim
