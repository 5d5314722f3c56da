// SPDX-License-Identifier: MIT
// Workers that say nothing: plain programs, and servers with socket activation that are given their
// sockets at birth.
#pragma once

#include <memory>

#include "ipc/channel/dialect.hpp"

namespace ostler::ipc
{

[[nodiscard]] std::unique_ptr<Dialect> make_plain_dialect();

// LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID: descriptors from 3 on, in the order of the pool's
// list.
[[nodiscard]] std::unique_ptr<Dialect> make_activation_dialect(Identity identity,
                                                               DialectEvents& events);

} // namespace ostler::ipc
