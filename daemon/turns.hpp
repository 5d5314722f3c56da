// SPDX-License-Identifier: MIT
// Commands that change things take turns: a reload, a restart and a scale at once would undo each
// other. Who may ask often stands in a line of its own first, so that each such line has one place
// at a time in the one that all share.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <list>
#include <memory>
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
            : turns_{std::exchange(other.turns_, nullptr)},
              place_{other.place_},
              wider_{std::move(other.wider_)}
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
        friend class Turns;
        Turns* turns_;
        Line::iterator place_;
        std::unique_ptr<Turn> wider_;
    };

    // `wider` outlives it.
    explicit Turns(Condition& changed, Turns* wider = nullptr) : changed_{changed}, wider_{wider} {}

    // Waits until all who came before have given theirs back, here and then in the wider line.
    boost::asio::awaitable<Turn> take();

private:
    void leave(Line::iterator place)
    {
        line_.erase(place);
        changed_.notify();
    }

    Condition& changed_;
    Turns* wider_;
    Line line_;
};

} // namespace ostler
