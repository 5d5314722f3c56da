// SPDX-License-Identifier: MIT
// Listening sockets that our own service manager has passed (sd_listen_fds(3)). The keeper keeps
// them open and lets each master inherit them. libc only.
#pragma once

#include <span>

#include "ipc/wire/keeper.hpp"

namespace ostler::keeper
{

class Inherited
{
public:
    static constexpr int first = 3; // their numbers here, as the manager counts them

    // Reads LISTEN_* and takes them out of the environment. The master finds OSTLER_LISTEN_FDS and
    // OSTLER_LISTEN_FDNAMES in their place. At start only, before anything else is opened.
    static Inherited from_environment();

    [[nodiscard]] std::span<const int> descriptors() const { return {numbers_, count_}; }

private:
    static constexpr std::size_t most = wire::keeper::max_start_fds - 1; // with the channel
    int numbers_[most] = {};
    std::size_t count_ = 0;
};

} // namespace ostler::keeper
