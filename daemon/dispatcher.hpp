// SPDX-License-Identifier: MIT
// Round-robin for one listening socket: accepts when a lane has room and gives each connection away
// at once.
//
// Its gate is *waiting* (the socket's input wakes it), *held* (all lanes are full or there are
// none, or descriptors ran short: only room, or a timer, wakes it, and the rest waits in the
// kernel's backlog) or *stopped*. Nothing wakes it while it is idle.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/spec.hpp"
#include "daemon/lanes.hpp"
#include "daemon/listener.hpp"
#include "daemon/parking.hpp"
#include "daemon/readiness.hpp"
#include "daemon/retriever.hpp"
#include "daemon/shortage.hpp"

namespace ostler
{

class QueueIntake;

class Dispatcher
{
public:
    using Clock = Lane::Clock;
    static constexpr std::uint64_t socket_key = 0; // of the listening socket, in Readiness

    // The three outlive it; `spec` may change.
    Dispatcher(boost::asio::any_io_executor executor, const config::Socket& spec,
               Readiness& readiness, Listener::Counters& counters);
    ~Dispatcher();
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    // `socket` is known to Readiness already. Again after it was bound anew.
    enum class Trust { ours_alone, others_hold_it };
    void listen_to(os::FdRef socket, Trust trust);
    void spec_changed();
    void stop(); // accepts nothing more
    void ready(Readiness::Event event);

    [[nodiscard]] os::Result<std::unique_ptr<Intake>> admit(IntakeOwner& owner,
                                                            const LoadPage* page);
    // By the intake.
    void reclaim(Lane& lane);
    void leave(QueueIntake& intake);

private:
    enum class Gate { waiting, held, stopped };
    enum class Given { yes, nobody, scarce };

    void gate(Gate wanted);
    void looked();
    void pump();
    bool accept_one();
    bool accept_failed(int error);
    bool no_room();
    void deliver(TakenBack connection, Lane* first, Clock::time_point now);
    Given give(const TakenBack& connection, Lane* first, Clock::time_point now,
               const Lane* except = nullptr);
    void set_aside(Lane& lane, int error);
    void place(TakenBack connection, const Lane* from);
    void let_go(TakenBack given);
    void keep_or_shed(TakenBack connection, Clock::time_point now);
    void unpark();
    void refuse(TakenBack connection);

    void pause(int error);
    void resume();

    boost::asio::any_io_executor executor_;
    const config::Socket& spec_;
    Readiness& readiness_;
    Listener::Counters& counters_;
    os::FdRef socket_{-1};
    Trust trust_ = Trust::ours_alone;
    Gate gate_ = Gate::held;
    bool opened_ = false; // a worker was there once; nobody is shed before

    Lanes lanes_;
    std::vector<QueueIntake*> intakes_;
    Parking parking_;
    Retriever retriever_;
    std::uint64_t last_lane_ = socket_key;
    std::uint64_t last_connection_ = 0;
    const int send_buffer_;

    Shortage shortage_;
};

} // namespace ostler
