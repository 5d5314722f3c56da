// SPDX-License-Identifier: MIT
// The master's half of the native protocol (docs/protocol.md) with one worker.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "ipc/channel/dialect.hpp"

namespace ostler::ipc
{

// What user messages may cost.
struct MessageLimits {
    std::size_t longest = 16 << 20;             // one message, from the worker or to it
    std::size_t waiting = 16 << 20;             // bytes that wait until the worker reads
    std::chrono::milliseconds patience{30'000}; // with a worker that reads nothing meanwhile
};

// `page` is lent and outlives the dialect. Null when there is no descriptor for a channel; errno
// says why.
[[nodiscard]] std::unique_ptr<Dialect> make_native_dialect(boost::asio::any_io_executor executor,
                                                           Identity identity, os::FdRef page,
                                                           MessageLimits limits,
                                                           DialectEvents& events);

} // namespace ostler::ipc
