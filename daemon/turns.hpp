// SPDX-License-Identifier: MIT
// Commands that change things take turns: a reload, a restart and a scale at once would undo each
// other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <utility>

#include "daemon/condition.hpp"

namespace ostler
{

class Turns
{
public:
    class Turn
    {
    public:
        explicit Turn(Turns* turns) : turns_{turns} {}
        Turn(Turn&& other) noexcept : turns_{std::exchange(other.turns_, nullptr)} {}
        Turn& operator=(Turn&&) = delete;
        ~Turn()
        {
            if (turns_)
                turns_->give_back();
        }

    private:
        Turns* turns_;
    };

    explicit Turns(Condition& changed) : changed_{changed} {}

    // Waits until nobody else has the turn. It is given back by the destructor.
    boost::asio::awaitable<Turn> take();

private:
    void give_back()
    {
        taken_ = false;
        changed_.notify();
    }

    Condition& changed_;
    bool taken_ = false;
};

} // namespace ostler
