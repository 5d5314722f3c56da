// SPDX-License-Identifier: MIT
#include "daemon/turns.hpp"

namespace ostler
{

boost::asio::awaitable<Turns::Turn> Turns::take()
{
    std::function<bool()> free = [this] { return !taken_; };
    co_await changed_.wait_until(Condition::Clock::time_point::max(), std::move(free));
    taken_ = true;
    co_return Turn{this};
}

} // namespace ostler
