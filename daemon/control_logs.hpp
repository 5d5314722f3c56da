// SPDX-License-Identifier: MIT
// The verb `logs`: the lines that are kept, and with "follow" those that come.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "daemon/control_commands.hpp"

namespace ostler
{

[[nodiscard]] boost::asio::awaitable<Outcome> run_logs(ControlCall& call);

} // namespace ostler
