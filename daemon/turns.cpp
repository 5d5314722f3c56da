// SPDX-License-Identifier: MIT
#include "daemon/turns.hpp"

namespace ostler
{

boost::asio::awaitable<Turns::Turn> Turns::take()
{
    Turn turn{*this};
    std::function<bool()> first = [&turn] { return turn.at_the_front(); };
    co_await changed_.wait_until(Condition::Clock::time_point::max(), std::move(first));
    co_return std::move(turn);
}

} // namespace ostler
