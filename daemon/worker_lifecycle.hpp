// SPDX-License-Identifier: MIT
// What may happen to a worker. Pure: no clock, no descriptors, no logging.
//
// A worker is `starting` until its pool's idea of ready is met, `ready` until it is asked to go,
// `draining` while it finishes what it has, `stopping` once it was signalled, and `gone` when the
// keeper has reaped it. It may die at any moment.
#pragma once

#include <iterator>
#include <string_view>

#include "daemon/state_table.hpp"

namespace ostler
{

enum class WorkerState { starting, ready, draining, stopping, gone };
enum class WorkerEvent {
    became_ready,
    told_to_drain, // finish what you have, then go
    told_to_stop,  // go now
    overdue,       // the deadline of the present state has passed
    exited,        // the keeper said so
};
enum class WorkerEffect { none, announce, drain, terminate, kill, retire };

using WorkerRule = Rule<WorkerState, WorkerEvent, WorkerEffect>;

inline constexpr auto worker_lifecycle = [] {
    using enum WorkerState;
    using enum WorkerEvent;
    using Effect = WorkerEffect;
    return std::array{
        //         from      on             to        effect
        WorkerRule{starting, became_ready, ready, Effect::announce},
        WorkerRule{starting, told_to_drain, stopping, Effect::terminate},
        WorkerRule{starting, told_to_stop, stopping, Effect::terminate},
        WorkerRule{starting, overdue, stopping, Effect::terminate},
        WorkerRule{ready, told_to_drain, draining, Effect::drain},
        WorkerRule{ready, told_to_stop, stopping, Effect::terminate},
        WorkerRule{draining, told_to_stop, stopping, Effect::terminate},
        WorkerRule{draining, overdue, stopping, Effect::terminate},
        WorkerRule{stopping, told_to_stop, stopping, Effect::kill}, // asked twice: hurry
        WorkerRule{stopping, overdue, stopping, Effect::kill},
        WorkerRule{starting, exited, gone, Effect::retire},
        WorkerRule{ready, exited, gone, Effect::retire},
        WorkerRule{draining, exited, gone, Effect::retire},
        WorkerRule{stopping, exited, gone, Effect::retire},
    };
}();

constexpr bool may_exit_in_every_living_state()
{
    using enum WorkerState;
    for (const WorkerState state : {starting, ready, draining, stopping})
        if (!has_rule(worker_lifecycle, state, WorkerEvent::exited))
            return false;
    return true;
}
static_assert(may_exit_in_every_living_state(), "a worker may die at any moment");
static_assert(no_two_rules_share_a_cell(worker_lifecycle));
static_assert(nothing_leaves(worker_lifecycle, WorkerState::gone));

constexpr std::string_view name_of(WorkerState state)
{
    constexpr std::string_view names[] = {"starting", "ready", "draining", "stopping", "gone"};
    static_assert(std::size(names) == static_cast<std::size_t>(WorkerState::gone) + 1);
    return names[static_cast<std::size_t>(state)];
}

} // namespace ostler
