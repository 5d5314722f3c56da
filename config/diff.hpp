// SPDX-License-Identifier: MIT
// What has to happen to get from one spec to another: only what changed is touched. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/spec.hpp"

namespace ostler::config
{

struct Difference {
    struct Scaled {
        std::string pool;
        unsigned from = 0;
        unsigned to = 0;
    };
    std::vector<std::string> sockets_added;
    std::vector<std::string> sockets_removed;
    std::vector<std::string> sockets_rebound; // another address: bound anew
    std::vector<std::string> sockets_updated; // the same address, other options
    std::vector<std::string> pools_added;
    std::vector<std::string> pools_removed;
    std::vector<std::string> pools_replaced; // another program, or a socket of theirs rebound or
                                             // spread another way: new workers
    std::vector<std::string> pools_updated;  // only how they are supervised: nothing restarts
    std::vector<Scaled> pools_scaled;
    std::vector<std::string> settings_updated; // of the daemon, applied at once: "log", "watch",
                                               // "ready_when", "control"
    std::vector<std::string> needs_restart; // settings of the daemon that only a new start applies
                                            // (control.path): sentences

    [[nodiscard]] bool empty() const;
    [[nodiscard]] bool removes() const; // a pool or a socket: what an edit alone never does
};

// Whether the socket that is bound for one serves the other, too.
[[nodiscard]] bool bound_alike(const Socket& a, const Socket& b);

[[nodiscard]] Difference diff(const Spec& from, const Spec& to);

// The workers of this pool are replaced too, for a reason that no spec shows. One that is removed
// stays so.
void note_replaced(Difference& difference, const std::string& pool);

// A line for each thing that would happen: "pool api: 4 → 6 workers".
[[nodiscard]] std::vector<std::string> describe(const Difference& difference);

} // namespace ostler::config
