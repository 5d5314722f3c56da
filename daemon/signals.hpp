// SPDX-License-Identifier: MIT
// Signals as things to read on the loop. Asio's signal_set goes on without a word when its pipe
// cannot be registered with epoll, and the daemon would be deaf; a signalfd of our own fails aloud.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "ipc/os/alive.hpp"

namespace ostler
{

// The master is born with those that it answers to held, so that none ends it before it listens.
// What only prints and ends is ended by them.
void let_signals_end_us();

class Signals
{
public:
    // Throws when they cannot be listened to.
    explicit Signals(boost::asio::any_io_executor executor);

    // Calls `handler` with the number of each signal, until destroyed.
    void listen(std::function<void(int)> handler);

private:
    void wait();
    void read();

    boost::asio::posix::stream_descriptor source_;
    std::function<void(int)> handler_;
    os::Alive alive_;
};

} // namespace ostler
