// SPDX-License-Identifier: MIT
// The verb `events`: what happened to the workers, from a number on, and with "follow" what comes.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "daemon/control_commands.hpp"

namespace ostler
{

[[nodiscard]] boost::asio::awaitable<Outcome> run_events(ControlCall& call);

} // namespace ostler
