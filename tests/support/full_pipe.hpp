// SPDX-License-Identifier: MIT
// A pipe with no room, like the log of a reader that has stalled; and one that nobody reads any
// more.
#pragma once

#include <algorithm>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "ipc/os/fd.hpp"

namespace ostler::test
{

class FullPipe
{
public:
    FullPipe()
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
        read_.reset(ends[0]);
        write_.reset(ends[1]);
        const int size = ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
        const std::string filler(static_cast<std::size_t>(size), '.');
        if (::write(ends[1], filler.data(), filler.size()) != size)
            throw std::runtime_error("cannot fill a pipe");
    }
    [[nodiscard]] os::FdRef writer() const { return write_.borrow(); }
    void close_reader() { read_.reset(); }
    void close_writer() { write_.reset(); }
    // Reads on: what comes until the last writer is gone, without what filled it.
    [[nodiscard]] std::string read()
    {
        std::string text;
        char piece[4096];
        for (ssize_t size; (size = ::read(read_.get(), piece, sizeof piece)) > 0;)
            text.append(piece, static_cast<std::size_t>(size));
        return text.substr(std::min(text.size(), text.find_first_not_of('.')));
    }

private:
    os::UniqueFd read_, write_;
};

} // namespace ostler::test
