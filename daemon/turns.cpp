// SPDX-License-Identifier: MIT
#include "daemon/turns.hpp"

namespace ostler
{

boost::asio::awaitable<Turns::Turn> Turns::take()
{
    Turn turn{*this};
    std::function<bool()> first = [&turn] { return turn.at_the_front(); };
    co_await changed_.wait_until(Condition::Clock::time_point::max(), std::move(first));
    if (wider_) {
        Turn wide = co_await wider_->take();
        turn.wider_ = std::make_unique<Turn>(std::move(wide));
    }
    co_return std::move(turn);
}

} // namespace ostler
