// SPDX-License-Identifier: MIT
// Which daemon a client means, by what it was told.
#pragma once

#include <string>
#include <variant>

#include "ipc/control/connection.hpp"

namespace ostler::control
{

// The first of: the path of a control socket, if it is not empty; $OSTLER_SOCKET; a further
// connection through the one that a controller of the spec is born with, which $OSTLER_CONTROL_FD
// names; the default path. What is named and does not work is an Answer, never passed over.
[[nodiscard]] std::variant<Connection, Answer> find_daemon(const std::string& path,
                                                           Deadline deadline = {});

} // namespace ostler::control
