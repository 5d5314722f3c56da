// SPDX-License-Identifier: MIT
// What the workers printed: the last lines of each slot in a bounded ring, and whoever follows
// them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/worker_filter.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

enum class Stream { out, err };

struct LogLine {
    std::uint64_t number = 0; // counts up over all workers
    std::int64_t time_us = 0; // since the epoch
    std::string pool;
    unsigned slot = 0;
    std::uint64_t worker = 0;
    Stream stream = Stream::out;
    std::string text; // without the newline; cut at max_line_bytes
};

class Logs
{
public:
    static constexpr std::size_t max_line_bytes = 8 * 1024;
    static constexpr std::size_t max_slot_bytes = 64 * 1024; // kept for each slot

    virtual ~Logs() = default;
    [[nodiscard]] static std::unique_ptr<Logs> make(boost::asio::any_io_executor executor);

    // Reads a worker's output from the pipe until its end (which may come after the worker's: its
    // children hold it). Every line goes into the ring and to the sink.
    virtual void capture(os::UniqueFd pipe, std::string pool, unsigned slot, std::uint64_t worker,
                         Stream stream) = 0;
    using Sink = std::function<void(const LogLine&)>;
    virtual void set_sink(Sink sink) = 0; // the daemon's own log

    using Filter = WorkerFilter;
    // The last `count` lines, in order.
    [[nodiscard]] virtual std::vector<LogLine> tail(const Filter& filter,
                                                    std::size_t count) const = 0;
    using Follower = std::uint64_t; // its sink does not follow or unfollow anybody
    virtual Follower follow(Filter filter, Sink sink) = 0;
    virtual void unfollow(Follower follower) = 0;
    virtual void forget_pool(const std::string& pool) = 0;
};

} // namespace ostler
