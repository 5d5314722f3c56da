// SPDX-License-Identifier: MIT
// A timer of which only the last setting counts. With Asio's alone, one that is set anew, or
// cancelled, when it has run out already and its handler is queued fires all the same.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <utility>

#include "ipc/os/alive.hpp"

namespace ostler
{

class Deadline
{
public:
    explicit Deadline(const boost::asio::any_io_executor& executor) : timer_{executor} {}

    // `over` may destroy the deadline.
    template <typename Over>
    void in(std::chrono::steady_clock::duration time, Over over)
    {
        cancel();
        timer_.expires_after(time);
        timer_.async_wait(alive_.guard(
            [this, set = set_, over = std::move(over)](boost::system::error_code error) mutable {
                if (!error && set == set_)
                    over();
            }));
    }
    void cancel()
    {
        ++set_;
        timer_.cancel();
    }

private:
    boost::asio::steady_timer timer_;
    std::uint64_t set_ = 0; // how often it was set or cancelled
    os::Alive alive_;
};

} // namespace ostler
