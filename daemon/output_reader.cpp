// SPDX-License-Identifier: MIT
#include "daemon/output_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace ostler
{

using boost::asio::posix::stream_descriptor;

void LineCutter::feed(std::string_view bytes, const Sink& sink)
{
    while (!bytes.empty()) {
        const std::size_t room = longest_ - begun_.size();
        const std::size_t newline = bytes.substr(0, room + 1).find('\n');
        if (newline == std::string_view::npos && bytes.size() <= room) {
            begun_ += bytes;
            return;
        }
        const std::size_t length = std::min(newline, room);
        if (begun_.empty()) { // the usual case: no copy
            sink(bytes.substr(0, length));
        } else {
            begun_ += bytes.substr(0, length);
            sink(std::exchange(begun_, {}));
        }
        bytes.remove_prefix(newline == std::string_view::npos ? length : length + 1);
    }
}

void LineCutter::finish(const Sink& sink)
{
    if (!begun_.empty())
        sink(std::exchange(begun_, {}));
}

OutputReader::OutputReader(boost::asio::any_io_executor executor, os::UniqueFd pipe,
                           std::size_t longest_line, LineCutter::Sink line,
                           std::function<void()> ended)
    : pipe_{executor, pipe.get()},
      cutter_{longest_line},
      line_{std::move(line)},
      ended_{std::move(ended)}
{
    (void)pipe.release();                                // not before: registering it may throw
    ::fcntl(pipe_.native_handle(), F_SETFL, O_NONBLOCK); // our end alone: the writer's is another
    wait();
}

void OutputReader::wait()
{
    pipe_.async_wait(stream_descriptor::wait_read,
                     alive_.guard([this](boost::system::error_code error) {
                         if (!error)
                             read();
                     }));
}

// As much as a pipe holds in one turn, so that a worker that floods it does not hold the loop.
void OutputReader::read()
{
    std::array<char, 64 * 1024> buffer; // filled by the kernel
    const ssize_t count = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
    if (count > 0)
        cutter_.feed({buffer.data(), static_cast<std::size_t>(count)}, line_);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)))
        return wait();
    cutter_.finish(line_);
    const auto ended = std::move(ended_); // it may destroy us
    ended();
}

} // namespace ostler
