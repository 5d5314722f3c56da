// SPDX-License-Identifier: MIT
// Writes lines to a descriptor from a thread of its own, so that a log nobody reads holds up
// nobody: when too much waits, the oldest lines are lost, and counted where they were.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ipc/os/fd.hpp"

namespace ostler
{

class LogWriter
{
public:
    static constexpr std::size_t room = 1024 * 1024; // bytes that may wait

    // The line that stands for so many lost ones; called in the thread.
    using Note = std::function<std::string(std::uint64_t lost)>;

    // `to` is lent. Throws when there is no thread to be had; it takes no signals.
    LogWriter(os::FdRef to, Note note);
    ~LogWriter(); // what is not flushed is lost
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void write(std::string line); // never waits
    // Whether all has been written within this time.
    bool flush(std::chrono::milliseconds within);

private:
    struct Queue;
    std::shared_ptr<Queue> queue_; // outlives us in a thread that hangs in its write
};

} // namespace ostler
