// SPDX-License-Identifier: MIT
// The verbs `send` and `messages`: what controllers and workers have to say to each other.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "daemon/control_commands.hpp"

namespace ostler
{

[[nodiscard]] boost::asio::awaitable<Outcome> run_send(ControlCall& call);
// Until the client goes away. Each message brings what is attached to it, and its descriptor.
[[nodiscard]] boost::asio::awaitable<Outcome> run_messages(ControlCall& call);

} // namespace ostler
