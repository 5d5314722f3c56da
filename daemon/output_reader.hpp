// SPDX-License-Identifier: MIT
// Cuts what comes out of a worker's pipe into lines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ipc/os/alive.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

class LineCutter
{
public:
    using Sink = std::function<void(std::string_view line)>;
    explicit LineCutter(std::size_t longest) : longest_{longest} {}

    // A longer line comes out in pieces.
    void feed(std::string_view bytes, const Sink& sink);
    // The end: what had no newline yet is a line as well.
    void finish(const Sink& sink);

private:
    std::size_t longest_;
    std::string begun_; // of a line whose end has not come; empty for most workers at most times
};

// Reads a pipe to its end. Keeps no buffer while there is nothing to read.
class OutputReader
{
public:
    // `ended` is the last call; the reader may be destroyed in it.
    OutputReader(boost::asio::any_io_executor executor, os::UniqueFd pipe, std::size_t longest_line,
                 LineCutter::Sink line, std::function<void()> ended);

private:
    void wait();
    void read();

    boost::asio::posix::stream_descriptor pipe_;
    LineCutter cutter_;
    LineCutter::Sink line_;
    std::function<void()> ended_;
    os::Alive alive_;
};

} // namespace ostler
