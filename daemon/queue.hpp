// SPDX-License-Identifier: MIT
// The queue of one worker and socket: a SOCK_SEQPACKET pair, one connection to a packet. The master
// keeps both ends, so that what the worker has not taken can be read back. What is in it is known
// from the kernel alone.
#pragma once

#include <memory>
#include <vector>

#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"
#include "ipc/wire/native.hpp"

namespace ostler
{

struct QueueEnds {
    os::UniqueFd near; // the master writes here
    os::UniqueFd far;  // the worker reads here; it gets a copy
};

// A connection that was read back.
struct TakenBack {
    os::UniqueFd fd;
    wire::native::Connection packet;
};

class Queue
{
public:
    static constexpr unsigned depth = 4;

    // The SO_SNDBUF with which the near end becomes writable as soon as fewer than `depth` packets
    // wait, measured on this kernel.
    [[nodiscard]] static int fitting_send_buffer();
    [[nodiscard]] static os::Result<Queue> make(int send_buffer);
    explicit Queue(std::shared_ptr<const QueueEnds> ends) : ends_{std::move(ends)} {}

    // 0 or a negative errno: -EAGAIN full, -EPIPE shut by the worker, -ETOOMANYREFS and others want
    // of descriptors or memory.
    [[nodiscard]] int offer(const wire::native::Connection& packet, os::FdRef connection) const;
    [[nodiscard]] unsigned waiting() const; // passed and not taken

    [[nodiscard]] os::FdRef near() const { return ends_->near.borrow(); }
    [[nodiscard]] os::FdRef far() const { return ends_->far.borrow(); }
    [[nodiscard]] std::shared_ptr<const QueueEnds> ends() const { return ends_; }

private:
    std::shared_ptr<const QueueEnds> ends_; // shared with the thread that takes back
};

// Reads back at most `at_most` connections. May block while a worker that still runs holds the
// socket's lock: never on the loop's thread. False when descriptors ran short before the end.
[[nodiscard]] bool take_back(const QueueEnds& queue, std::size_t at_most,
                             std::vector<TakenBack>& into);

} // namespace ostler
