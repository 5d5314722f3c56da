// SPDX-License-Identifier: MIT
// What happened to the workers, in order: the last events in a bounded ring, each with a number
// that counts up over the daemon's life, so that one who comes back can ask from there on.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/condition.hpp"

namespace ostler
{

enum class EventKind {
    setup,      // later forks of this pool are made otherwise
    fork,       // a worker is being started
    online,     // it runs: it has said hello, or was executed where it says nothing
    listening,  // it got a socket
    disconnect, // its channel has ended
    exit,       // its process has ended
    error,      // it could not be started, signalled or sent to
};
[[nodiscard]] std::string_view name_of(EventKind kind);

struct Event {
    std::uint64_t number = 0;
    std::int64_t time_us = 0; // since the epoch
    EventKind kind = EventKind::fork;
    std::string pool;
    unsigned slot = 0;
    std::uint64_t worker = 0; // 0: of the pool as a whole
    boost::json::object details;
};
[[nodiscard]] boost::json::object json_of(const Event& event);

class Events
{
public:
    static constexpr std::size_t kept = 8192;

    explicit Events(boost::asio::any_io_executor executor) : arrived_{std::move(executor)} {}

    struct Subject {
        std::string pool;
        unsigned slot = 0;
        std::uint64_t worker = 0;
    };
    void tell(EventKind kind, Subject subject, boost::json::object details = {});

    [[nodiscard]] std::uint64_t last() const { return last_; } // 0 before the first
    [[nodiscard]] std::uint64_t first() const { return last_ - ring_.size() + 1; } // that is kept
    // Of one that is kept; valid until the next one is told.
    [[nodiscard]] const Event& at(std::uint64_t number) const { return ring_[number - first()]; }
    [[nodiscard]] Condition& arrived() { return arrived_; } // notified after each

private:
    std::deque<Event> ring_;
    std::uint64_t last_ = 0;
    Condition arrived_;
};

} // namespace ostler
