// SPDX-License-Identifier: MIT
// What may happen to a slot, the place of a worker in its pool. Pure.
//
// A slot is `free` (not counted, not shown) or holds one of the pool's places: `running` has a
// worker and wants one, `retiring` has one that was asked to go and wants none, `halting` too but
// keeps its place; `backoff` will start one at a known time, `failed` has used up its restarts,
// `stopped` stays down: its pool was stopped, or its last worker was not to be started again. The
// last three wait for a hand.
#pragma once

#include <iterator>
#include <string_view>

#include "daemon/state_table.hpp"

namespace ostler
{

enum class SlotState { free, running, retiring, halting, backoff, failed, stopped };
enum class SlotEvent {
    start,         // by the pool, by the timer, or by hand
    retire,        // the pool wants this place no more
    halt,          // the pool is stopped
    exit_again,    // its worker ended; the policy says: another one
    exit_for_good, // … the policy says: none
    exit_gave_up,  // … the policy says: too often
    exit_extra,    // … and was beyond the pool's count: its place goes with it
};
enum class SlotEffect { none, launch, drain, wait, settle, clear };

using SlotRule = Rule<SlotState, SlotEvent, SlotEffect>;

inline constexpr auto slot_lifecycle = [] {
    using enum SlotState;
    using enum SlotEvent;
    using Effect = SlotEffect;
    return std::array{
        //       from      on             to        effect
        SlotRule{free, start, running, Effect::launch},
        SlotRule{backoff, start, running, Effect::launch},
        SlotRule{failed, start, running, Effect::launch},
        SlotRule{stopped, start, running, Effect::launch},
        SlotRule{running, retire, retiring, Effect::drain},
        SlotRule{backoff, retire, free, Effect::clear},
        SlotRule{failed, retire, free, Effect::clear},
        SlotRule{stopped, retire, free, Effect::clear},
        SlotRule{running, halt, halting, Effect::drain},
        SlotRule{backoff, halt, stopped, Effect::settle},
        SlotRule{failed, halt, stopped, Effect::settle},
        SlotRule{halting, retire, retiring, Effect::none}, // it drains already
        SlotRule{running, exit_again, backoff, Effect::wait},
        SlotRule{running, exit_for_good, stopped, Effect::none},
        SlotRule{running, exit_gave_up, failed, Effect::none},
        SlotRule{running, exit_extra, free, Effect::clear},
        // Whatever the policy says of a worker that was asked to go: its place is free.
        SlotRule{retiring, exit_again, free, Effect::clear},
        SlotRule{retiring, exit_for_good, free, Effect::clear},
        SlotRule{retiring, exit_gave_up, free, Effect::clear},
        SlotRule{halting, exit_again, stopped, Effect::settle},
        SlotRule{halting, exit_for_good, stopped, Effect::settle},
        SlotRule{halting, exit_gave_up, stopped, Effect::settle},
    };
}();

constexpr bool has_worker(SlotState state)
{
    return state == SlotState::running || state == SlotState::retiring ||
           state == SlotState::halting;
}

constexpr bool an_exit_is_legal_exactly_with_a_worker()
{
    using enum SlotState;
    for (const SlotState state : {free, running, retiring, halting, backoff, failed, stopped})
        for (const SlotEvent event :
             {SlotEvent::exit_again, SlotEvent::exit_for_good, SlotEvent::exit_gave_up})
            if (has_rule(slot_lifecycle, state, event) != has_worker(state))
                return false;
    return true;
}
static_assert(an_exit_is_legal_exactly_with_a_worker());
static_assert(no_two_rules_share_a_cell(slot_lifecycle));

constexpr std::string_view name_of(SlotState state)
{
    constexpr std::string_view names[] = {"free",    "running", "retiring", "halting",
                                          "backoff", "failed",  "stopped"};
    static_assert(std::size(names) == static_cast<std::size_t>(SlotState::stopped) + 1);
    return names[static_cast<std::size_t>(state)];
}

} // namespace ostler
