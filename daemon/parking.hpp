// SPDX-License-Identifier: MIT
// Connections that were accepted and have nobody to take them at the moment, oldest first. One that
// waits too long is given up.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>

#include "daemon/queue.hpp"
#include "ipc/os/alive.hpp"

namespace ostler
{

class Parking
{
public:
    using Clock = std::chrono::steady_clock;
    struct Parked {
        TakenBack connection;
        Clock::time_point until;
    };
    using GiveUp = std::function<void(TakenBack)>;

    Parking(const boost::asio::any_io_executor& executor, GiveUp give_up)
        : timer_{executor}, give_up_{std::move(give_up)}
    {
    }
    ~Parking(); // whoever still waits is reset
    Parking(const Parking&) = delete;
    Parking& operator=(const Parking&) = delete;

    [[nodiscard]] bool empty() const { return parked_.empty(); }
    [[nodiscard]] const TakenBack& oldest() const { return parked_.front().connection; }
    [[nodiscard]] TakenBack leave(); // the oldest has found its place
    void park(TakenBack connection, Clock::time_point until);

private:
    void watch();
    void time_is_up();

    std::deque<Parked> parked_;
    boost::asio::steady_timer timer_;
    GiveUp give_up_;
    os::Alive alive_;
};

} // namespace ostler
