// SPDX-License-Identifier: MIT
// What the dispatcher knows of one worker: its queue, its page, and whether it may be trusted to
// take what it is given. Time comes in as an argument.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "daemon/intake.hpp"
#include "daemon/load_page.hpp"
#include "daemon/queue.hpp"
#include "daemon/readiness.hpp"

namespace ostler
{

class Lane
{
public:
    using Clock = LoadPage::Clock;
    // A loop at work for longer than this is passed over. Shorter turns are what ordinary requests
    // and an ordinary scheduler make, and skipping for those would cost the even shares.
    static constexpr Clock::duration busy_limit = std::chrono::milliseconds{3};
    // Nobody who is well leaves a connection lying this long: it is stopped, or stuck unsaid.
    static constexpr Clock::duration untaken_limit = std::chrono::milliseconds{100};
    // After that it is left alone for a while, then gets one connection to show that it takes.
    static constexpr Clock::duration rest = std::chrono::seconds{1};

    // `readiness`, `owner` and `page` outlive it.
    Lane(Queue queue, std::uint64_t number, IntakeOwner& owner, const LoadPage* page,
         Readiness& readiness);

    enum class Route { open, paused, closed };
    [[nodiscard]] Route route() const { return route_; }
    void route(Route route) { route_ = route; }

    [[nodiscard]] bool has_room(); // when not, Readiness tells when there is some again
    void found_full();
    void room_came() { full_ = false; }
    // Full, but its loop is about to come: awake and waiting for a processor.
    [[nodiscard]] bool coming(Clock::time_point now);
    [[nodiscard]] bool busy(Clock::time_point now) const;
    [[nodiscard]] bool willing(Clock::time_point now); // room, not busy, not doubted

    // As Queue::offer.
    [[nodiscard]] int offer(const wire::native::Connection& packet, os::FdRef connection,
                            Clock::time_point now);
    [[nodiscard]] unsigned waiting();                  // passed and not taken, from the kernel
    [[nodiscard]] bool overdue(Clock::time_point now); // the oldest lies there beyond the limit
    void doubt(Clock::time_point now);                 // until it takes something

    // Somebody reads from its queue: what disappears was not taken by the worker.
    void retrieving() { retrieving_ = true; }
    void retrieved(std::size_t count);
    [[nodiscard]] bool being_retrieved() const { return retrieving_; }
    [[nodiscard]] std::uint64_t passed() const { return sent_ - retrieved_; }

    [[nodiscard]] std::uint64_t number() const { return number_; }
    [[nodiscard]] const Queue& queue() const { return queue_; }
    [[nodiscard]] IntakeOwner& owner() const { return owner_; }

private:
    [[nodiscard]] bool doubted(Clock::time_point now);

    Queue queue_;
    std::uint64_t number_;
    IntakeOwner& owner_;
    const LoadPage* page_; // null: it has none and is never busy
    Readiness& readiness_;
    Route route_ = Route::open;
    bool full_ = false;
    Clock::time_point full_since_;
    bool retrieving_ = false;
    unsigned at_most_waiting_ = 0; // as last seen, plus what was sent since
    std::uint64_t sent_ = 0;
    std::uint64_t retrieved_ = 0;
    std::array<Clock::time_point, 16> sent_at_; // of the last ones, by sent_ % 16

    bool doubted_ = false;
    Clock::time_point rests_until_;
    std::uint64_t taken_before_doubt_ = 0; // by the worker
};

} // namespace ostler
