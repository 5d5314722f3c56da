// SPDX-License-Identifier: MIT
// The master's side of a worker's page (ipc/wire/page.hpp): makes it, seals it, maps it for
// reading, believes none of it.
#pragma once

#include <chrono>
#include <cstdint>

#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"
#include "ipc/wire/page.hpp"

namespace ostler
{

class LoadPage
{
public:
    using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC, which the worker stores too

    [[nodiscard]] static os::Result<LoadPage> make();                    // anew
    [[nodiscard]] static os::Result<LoadPage> adopt(os::UniqueFd memfd); // from its descriptor
    LoadPage(LoadPage&&) noexcept;
    LoadPage& operator=(LoadPage&&) noexcept;
    ~LoadPage();

    [[nodiscard]] os::FdRef descriptor() const { return memfd_.borrow(); }

    // How long the worker's loop has been at work, by its own word; zero while it waits, and for
    // any value that cannot be true (the future, before the page was made).
    [[nodiscard]] Clock::duration busy_for(Clock::time_point now) const;
    [[nodiscard]] std::uint64_t taken() const;
    [[nodiscard]] std::uint64_t done() const;

    // A worker that cannot map the page sends the same as a message.
    void store(std::uint64_t busy_since, std::uint64_t taken, std::uint64_t done);

private:
    LoadPage(os::UniqueFd memfd, wire::Page* page, std::uint64_t born);
    os::UniqueFd memfd_;
    wire::Page* page_ = nullptr; // mapped, shared
    std::uint64_t born_ = 0;     // ns; no loop can have been busy since before this
};

} // namespace ostler
