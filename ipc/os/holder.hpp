// SPDX-License-Identifier: MIT
// Who has an address already: through the kernel's tables of sockets and everybody's descriptors
// in /proc. Slow (it walks all processes); for error messages only.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "ipc/os/endpoint.hpp"

namespace ostler::os
{

struct Holder {
    pid_t pid = 0; // the lowest of those that hold it, which is usually the parent
    std::string name;
};

// Nothing when the address is free, or its holder belongs to somebody whose descriptors we may not
// see.
[[nodiscard]] std::optional<Holder> holder_of(const Endpoint& endpoint);

} // namespace ostler::os
