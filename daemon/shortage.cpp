// SPDX-License-Identifier: MIT
#include "daemon/shortage.hpp"

#include <algorithm>
#include <limits>
#include <sys/resource.h>
#include <utility>

namespace ostler
{
namespace
{

int last_usable()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::numeric_limits<int>::max();
    return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 30)) -
           Shortage::descriptors_to_keep;
}

} // namespace

Shortage::Shortage(boost::asio::any_io_executor executor, std::function<void()> over)
    : timer_{executor}, over_{std::move(over)}, last_usable_{last_usable()}
{
}

bool Shortage::begin()
{
    if (lasts_)
        return false;
    lasts_ = true;
    try_after(next_pause_);
    next_pause_ = std::min(next_pause_ * 2, longest_pause);
    return true;
}

void Shortage::try_now()
{
    if (lasts_)
        try_after(Clock::duration::zero());
}

void Shortage::try_after(Clock::duration time)
{
    timer_.expires_after(time);
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        if (error)
            return;
        lasts_ = false;
        last_usable_ = last_usable(); // the limit may have been raised
        over_();
    }));
}

} // namespace ostler
