// SPDX-License-Identifier: MIT
// A pause because descriptors or kernel memory ran short: 100 ms the first time, then longer, up to
// a second, until something works again.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>

#include "daemon/sparing.hpp"
#include "ipc/os/alive.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

class Shortage
{
public:
    using Clock = std::chrono::steady_clock;
    static constexpr Clock::duration first_pause = std::chrono::milliseconds{100};
    static constexpr Clock::duration longest_pause = std::chrono::seconds{1};
    // Left free for taking back, and for everybody else.
    static constexpr int descriptors_to_keep = 16;

    Shortage(boost::asio::any_io_executor executor, std::function<void()> over);

    [[nodiscard]] bool lasts() const { return lasts_; }
    // False: it lasts already.
    bool begin();
    void try_now(); // something was freed: as soon as the loop comes to it
    void nothing_lacks() { next_pause_ = first_pause; }
    // Is this, the lowest number that was free, one of the last?
    [[nodiscard]] bool near(os::FdRef newest) const { return newest.get() >= last_usable_; }
    [[nodiscard]] bool worth_a_warning() { return warnings_.may_speak(Clock::now()); }

private:
    void try_after(Clock::duration time);

    boost::asio::steady_timer timer_;
    std::function<void()> over_;
    bool lasts_ = false; // the timer runs
    Clock::duration next_pause_ = first_pause;
    int last_usable_;
    Sparing warnings_{std::chrono::seconds{10}};
    os::Alive alive_;
};

} // namespace ostler
