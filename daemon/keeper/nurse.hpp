// SPDX-License-Identifier: MIT
// Watches over the master: pure, no clock of its own. It beats every second; five missed is hung:
// SIGABRT (a core to look at), a second later SIGKILL. Missed beats are counted one timer at a
// time and not as a difference of times: a keeper that was itself stopped for a minute has missed
// one.
#pragma once

#include <algorithm>
#include <chrono>

namespace ostler::keeper
{

enum class Care { nothing, abort, kill };

class Nurse
{
public:
    using Time = std::chrono::milliseconds; // CLOCK_MONOTONIC
    static constexpr Time beat{1000};
    static constexpr Time first_grace{1500}; // half a beat of slack, so that a punctual one
                                             // never meets the timer
    static constexpr Time leave_grace{5000};
    static constexpr int hung_after = 5;

    // Unwatched (OSTLER_NO_HEARTBEAT): whatever happens is right.
    explicit constexpr Nurse(bool watches) : state_{watches ? State::waiting : State::away} {}

    // Before its first beat a master may take its time to start.
    void beaten(Time now)
    {
        if (state_ == State::waiting || state_ == State::watching)
            watch(now);
    }
    // Anything else that it said. A burst of starts takes us a while to work off, and its beats
    // wait behind them.
    void heard(Time now)
    {
        if (state_ == State::watching)
            watch(now);
    }
    // Its end of the channel is closed: it must end soon, whether it ever beat or not.
    void lost(Time now) { beaten(now); }
    // It said that it ends.
    void leaving(Time now)
    {
        if (state_ == State::waiting || state_ == State::watching)
            become(State::leaving, now + leave_grace);
    }

    // What to do now. To be asked after every wait.
    [[nodiscard]] Care due(Time now)
    {
        if (due_ == never || now < due_)
            return Care::nothing;
        if (state_ == State::watching && ++missed_ < hung_after) {
            due_ = now + beat;
            return Care::nothing;
        }
        if (state_ == State::watching) {
            become(State::aborted, now + beat);
            return Care::abort;
        }
        become(State::killed, never);
        return Care::kill;
    }
    // How long to wait at most, as poll wants it.
    [[nodiscard]] int wait(Time now) const
    {
        return due_ == never ? -1 : static_cast<int>(std::max(due_ - now, Time{0}).count());
    }

private:
    enum class State { away, waiting, watching, aborted, leaving, killed };
    static constexpr Time never = Time::max();

    void watch(Time now)
    {
        become(State::watching, now + first_grace);
        missed_ = 0;
    }
    void become(State state, Time due)
    {
        state_ = state;
        due_ = due;
    }
    State state_;
    Time due_ = never;
    int missed_ = 0;
};

} // namespace ostler::keeper
