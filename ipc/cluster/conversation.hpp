// SPDX-License-Identifier: MIT
// Many requests on one control connection: each has a number, and whoever asked hears what comes
// for it. It never waits unless told to, and calls back within pump() and ask() alone: those who
// are called take a note, and nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "ipc/cluster/watch.hpp"
#include "ipc/control/connection.hpp"

namespace ostler::cluster
{

class Conversation
{
public:
    struct Hearing {
        std::function<void(control::Answer)> reply; // once; the last that comes
        std::function<void(control::Message)> other = {};
    };
    explicit Conversation(control::Connection connection);

    // More than the daemon takes at a time wait their turn.
    void ask(control::Message request, Hearing hearing);
    void pump(); // sends and receives what can be without waiting

    // Until it is worth to pump again, or a signal came; false at the deadline.
    [[nodiscard]] bool wait(control::Deadline deadline) const;

    [[nodiscard]] std::size_t backlog() const { return held_bytes_ + connection_.waiting(); }
    // Why nothing will come any more. All requests have had their reply then: this one.
    [[nodiscard]] const std::optional<control::Answer>& end() const { return end_; }
    [[nodiscard]] Watch& watch() { return watch_; }
    [[nodiscard]] const Watch& watch() const { return watch_; }

private:
    void receive();
    void arrived(control::Message message);
    void flush();
    [[nodiscard]] bool may_post() const;
    void post_next();
    void refuse(std::uint32_t request, const char* sentence);
    void finish(control::Answer end);

    control::Connection connection_;
    Watch watch_;
    std::uint32_t last_request_ = 0;
    std::map<std::uint32_t, Hearing> asked_; // and not answered; those that are held, too
    std::deque<control::Message> held_;
    std::size_t held_bytes_ = 0;
    std::optional<control::Answer> end_;
};

} // namespace ostler::cluster
