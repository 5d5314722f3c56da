// SPDX-License-Identifier: MIT
// What a worker asks to have bound: read, and judged by the spec. Pure, but for the machine's first
// free port.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "config/spec.hpp"
#include "ipc/channel/dialect.hpp"

namespace ostler
{

// The number of "fd:3": a socket that the service manager passed to the daemon.
[[nodiscard]] std::optional<int> inherited_number(const std::string& address);

// The socket as the spec would say it. Its name is the address in its one spelling, with what else
// makes it another socket: two requests of one pool that mean the same have the same name, which no
// socket of the spec has.
[[nodiscard]] std::variant<config::Socket, ipc::Refusal>
read_listen_request(const ipc::Wanted& wanted, const config::Program& program);

// Whether the spec lets the workers of this program bind it.
[[nodiscard]] std::variant<std::monostate, ipc::Refusal>
judge_listen_request(const config::Socket& wanted, const config::Program& program);

} // namespace ostler
