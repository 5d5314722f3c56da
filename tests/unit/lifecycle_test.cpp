// SPDX-License-Identifier: MIT
// The tables of states against a golden list of every cell, so that a change of one is a change
// seen here.
#include <map>
#include <string>

#include "daemon/slot_lifecycle.hpp"
#include "daemon/worker_lifecycle.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;

namespace
{

const char* name(WorkerEvent event)
{
    constexpr const char* names[] = {"became_ready", "told_to_drain", "told_to_stop", "overdue",
                                     "exited"};
    return names[static_cast<std::size_t>(event)];
}
const char* name(WorkerEffect effect)
{
    constexpr const char* names[] = {"none", "announce", "drain", "terminate", "kill", "retire"};
    return names[static_cast<std::size_t>(effect)];
}
const char* name(SlotEvent event)
{
    constexpr const char* names[] = {"start",      "retire",        "halt",
                                     "exit_again", "exit_for_good", "exit_gave_up"};
    return names[static_cast<std::size_t>(event)];
}
const char* name(SlotEffect effect)
{
    constexpr const char* names[] = {"none", "launch", "drain", "wait", "settle", "clear"};
    return names[static_cast<std::size_t>(effect)];
}

// "state + event" → "state, effect" for every cell that has a rule.
template <typename Table, typename State, typename Event>
std::map<std::string, std::string> walk(const Table& table, State last_state, Event last_event)
{
    std::map<std::string, std::string> cells;
    for (int s = 0; s <= static_cast<int>(last_state); ++s)
        for (int e = 0; e <= static_cast<int>(last_event); ++e)
            if (const auto* rule = find_rule(table, static_cast<State>(s), static_cast<Event>(e)))
                cells[std::string{name_of(rule->from)} + " + " + name(rule->on)] =
                    std::string{name_of(rule->to)} + ", " + name(rule->effect);
    return cells;
}

} // namespace

TEST_CASE("a worker's life: every state and event")
{
    const std::map<std::string, std::string> golden{
        {"starting + became_ready", "ready, announce"},
        {"starting + told_to_drain", "stopping, terminate"},
        {"starting + told_to_stop", "stopping, terminate"},
        {"starting + overdue", "stopping, terminate"},
        {"starting + exited", "gone, retire"},
        {"ready + told_to_drain", "draining, drain"},
        {"ready + told_to_stop", "stopping, terminate"},
        {"ready + exited", "gone, retire"},
        {"draining + told_to_stop", "stopping, terminate"},
        {"draining + overdue", "stopping, terminate"},
        {"draining + exited", "gone, retire"},
        {"stopping + told_to_stop", "stopping, kill"},
        {"stopping + overdue", "stopping, kill"},
        {"stopping + exited", "gone, retire"},
    };
    CHECK(walk(worker_lifecycle, WorkerState::gone, WorkerEvent::exited) == golden);
}

TEST_CASE("a slot's life: every state and event")
{
    const std::map<std::string, std::string> golden{
        {"free + start", "running, launch"},
        {"backoff + start", "running, launch"},
        {"failed + start", "running, launch"},
        {"stopped + start", "running, launch"},
        {"running + halt", "halting, drain"},
        {"backoff + halt", "stopped, settle"},
        {"failed + halt", "stopped, settle"},
        {"halting + retire", "retiring, none"},
        {"halting + exit_again", "stopped, settle"},
        {"halting + exit_for_good", "stopped, settle"},
        {"halting + exit_gave_up", "stopped, settle"},
        {"running + retire", "retiring, drain"},
        {"backoff + retire", "free, clear"},
        {"failed + retire", "free, clear"},
        {"stopped + retire", "free, clear"},
        {"running + exit_again", "backoff, wait"},
        {"running + exit_for_good", "stopped, none"},
        {"running + exit_gave_up", "failed, none"},
        {"retiring + exit_again", "free, clear"},
        {"retiring + exit_for_good", "free, clear"},
        {"retiring + exit_gave_up", "free, clear"},
    };
    CHECK(walk(slot_lifecycle, SlotState::stopped, SlotEvent::exit_gave_up) == golden);
}
