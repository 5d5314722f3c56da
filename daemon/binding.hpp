// SPDX-License-Identifier: MIT
// From a socket of the spec to a bound one, or to the sentence that says why not.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "config/spec.hpp"
#include "ipc/os/endpoint.hpp"
#include "ipc/os/socket.hpp"

namespace ostler
{

[[nodiscard]] std::optional<os::Endpoint> endpoint_of(const config::Address& address);
[[nodiscard]] os::BindOptions bind_options(const config::Socket& spec);
[[nodiscard]] os::StreamOptions stream_options(const config::Socket& spec);

// Bound, and listening where it is a stream. On failure nothing, and `sentence` says what to do.
// `leaving`: open sockets of ours that will go once this one serves; their addresses may overlap.
[[nodiscard]] std::optional<os::BoundSocket> bind_socket(const config::Socket& spec,
                                                         std::string& sentence,
                                                         std::span<const os::FdRef> leaving = {});

// The same for whoever wants to know the error. EINVAL: not an address that this machine can have.
[[nodiscard]] os::Result<os::BoundSocket> bind_plainly(const config::Socket& spec);

// "cannot bind tcp://0.0.0.0:80: address in use by nginx (pid 812)". Looking for who that is reads
// all of /proc: not for whoever asks all the time.
enum class Holder { looked_for, unnamed };
[[nodiscard]] std::string why_not_bound(const os::Endpoint& where, os::Error error,
                                        Holder holder = Holder::looked_for);

} // namespace ostler
