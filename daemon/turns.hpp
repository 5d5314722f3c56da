// SPDX-License-Identifier: MIT
// Commands that change things take turns: a reload, a restart and a scale at once would undo each
// other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <list>
#include <utility>

#include "daemon/condition.hpp"

namespace ostler
{

class Turns
{
    using Line = std::list<int>; // a place each, in the order in which they came

public:
    // A place in the line, which its destructor gives up; at the front it is one's turn.
    class Turn
    {
    public:
        explicit Turn(Turns& turns)
            : turns_{&turns}, place_{turns.line_.insert(turns.line_.end(), 0)}
        {
        }
        Turn(Turn&& other) noexcept
            : turns_{std::exchange(other.turns_, nullptr)}, place_{other.place_}
        {
        }
        Turn& operator=(Turn&&) = delete;
        ~Turn()
        {
            if (turns_)
                turns_->leave(place_);
        }
        [[nodiscard]] bool at_the_front() const { return turns_->line_.begin() == place_; }

    private:
        Turns* turns_;
        Line::iterator place_;
    };

    explicit Turns(Condition& changed) : changed_{changed} {}

    // Waits until all who came before have given theirs back.
    boost::asio::awaitable<Turn> take();

private:
    void leave(Line::iterator place)
    {
        line_.erase(place);
        changed_.notify();
    }

    Condition& changed_;
    Line line_;
};

} // namespace ostler
