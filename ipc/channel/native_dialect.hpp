// SPDX-License-Identifier: MIT
// The master's half of the native protocol (docs/protocol.md) with one worker.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "ipc/channel/dialect.hpp"

namespace ostler::ipc
{

inline constexpr int native_channel_fd = 3; // its number in the worker, as OSTLER_CHANNEL_FD says

// `page` is lent and outlives the dialect. Null when there is no descriptor for a channel; errno
// says why.
[[nodiscard]] std::unique_ptr<Dialect> make_native_dialect(boost::asio::any_io_executor executor,
                                                           Identity identity, os::FdRef page,
                                                           DialectEvents& events);

} // namespace ostler::ipc
