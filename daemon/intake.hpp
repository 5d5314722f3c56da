// SPDX-License-Identifier: MIT
// One worker's share of one socket: how connections get to it. Made by Listener::admit, owned by
// the worker. The worker ends it in this order: pause() when the drain begins, reclaim() when it is
// dead or has said that it takes nothing more, then the destructor. Destroying one that was not
// reclaimed reclaims it.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/os/fd.hpp"

namespace ostler
{

enum class Delivery {
    queue,  // connections come one by one through a queue of the worker's own
    shared, // the worker has the listening socket (or the UDP socket) itself
};

// What an intake may tell the worker it belongs to. Called from the loop, never from within a call
// of the owner.
class IntakeOwner
{
public:
    virtual ~IntakeOwner() = default;
    [[nodiscard]] virtual std::string label() const = 0; // "api/3", for messages
    // The listening socket was shut down by someone who held it and has been bound anew: send this
    // one (lent).
    virtual void listener_replaced(const std::string& socket, os::FdRef fresh) = 0;
    // Taking back from this worker did not end within its deadline: it holds the lock of its queue.
    // End it.
    virtual void intake_stuck(const std::string& socket) = 0;
};

class Intake
{
public:
    virtual ~Intake() = default;
    [[nodiscard]] virtual Delivery delivery() const = 0;
    [[nodiscard]] virtual os::FdRef given() const = 0; // the descriptor to send to the worker
    virtual void pause() = 0;                          // nothing more is routed to it
    virtual void reclaim() = 0; // what it had not taken goes to others, at once
    [[nodiscard]] virtual std::uint64_t
    passed() const = 0; // connections passed to it and not taken back
    [[nodiscard]] virtual unsigned pending() const = 0; // of those, the ones it has not taken
};

} // namespace ostler
