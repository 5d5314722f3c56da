// SPDX-License-Identifier: MIT
// Replaces the workers of a pool one by one: a new one first, its predecessor drained once it is
// ready (with surge 0 the other way round). The first that does not come up ends it. By the
// target's `on_failure`, what was replaced goes back to what it was, or stays, and the pool is
// degraded.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "config/spec.hpp"
#include "daemon/operations.hpp"
#include "daemon/pool.hpp"

namespace ostler
{

// Empty when every worker was replaced and the last predecessor has gone; otherwise why not.
// `pool`, `services` and what `progress` uses outlive the call. Only one rollout of a pool at a
// time.
[[nodiscard]] boost::asio::awaitable<std::string>
roll_out(Services& services, Pool& pool, std::shared_ptr<const config::Pool> target,
         unsigned generation, Progress progress);

// The same for a single slot: its worker is replaced by one of the same spec.
[[nodiscard]] boost::asio::awaitable<std::string> roll_slot(Services& services, Pool& pool,
                                                            unsigned slot, Progress progress);

} // namespace ostler
