// SPDX-License-Identifier: MIT
// Looks after the queues of a listener while something waits in them, and fetches back what lies
// behind a busy or stopped worker, or what a dead one has left.
//
// It takes from a living worker one at a time, and only while somebody else can have it: from a
// busy one for an idle one, from one that has let it lie beyond the limit for anybody willing. Who
// let it lie is doubted (Lane::doubt), which is why no connection wanders for ever.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/errand.hpp"
#include "daemon/lanes.hpp"
#include "ipc/os/alive.hpp"

namespace ostler
{

class Retriever
{
public:
    using Clock = Lane::Clock;
    static constexpr Clock::duration interval = std::chrono::milliseconds{10};
    // A worker that holds its queue's lock longer than this is to be ended.
    static constexpr Clock::duration patience = std::chrono::seconds{1};

    // What it tells its dispatcher. `from` may be gone (null).
    struct Hooks {
        std::function<void(TakenBack connection, const Lane* from)> place;
        std::function<void()> looked;  // a while has passed
        std::function<void()> starved; // descriptors ran short: call again() when some are free
    };
    Retriever(boost::asio::any_io_executor executor, const Lanes& lanes, std::string socket,
              Hooks hooks);

    void look_soon();
    void fetch_all(Lane& lane); // whatever is left in it, at once
    void again();

private:
    struct Away { // an errand under way
        std::uint64_t number;
        std::uint64_t lane;
        Clock::time_point since;
        bool told = false;
    };

    void look();
    void look_behind(Lane& lane, Clock::time_point now);
    void look_for_stuck(Clock::time_point now);
    void send(std::unique_ptr<Errand> errand, std::uint64_t lane);
    void came_back(std::uint64_t number, std::unique_ptr<Errand> errand);

    boost::asio::any_io_executor executor_;
    const Lanes& lanes_;
    std::string socket_;
    Hooks hooks_;
    std::vector<Away> away_;
    std::vector<std::unique_ptr<Errand>> starved_;
    std::uint64_t last_errand_ = 0;
    boost::asio::steady_timer timer_;
    bool looking_ = false; // the timer runs
    os::Alive alive_;
};

} // namespace ostler
