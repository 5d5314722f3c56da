// SPDX-License-Identifier: MIT
#include "ipc/shim/room.hpp"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <sys/resource.h>

namespace ostler::shim
{
namespace
{

int limit_now()
{
    constexpr rlim_t most = std::numeric_limits<int>::max();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return std::numeric_limits<int>::max();
    return static_cast<int>(std::min(limit.rlim_cur, most));
}

} // namespace

bool Room::short_after(os::FdRef newest)
{
    if (newest.get() < trusted_)
        return false;
    const int full = limit_now() - spare;
    trusted_ = std::min(full, small);
    return newest.get() >= full;
}

bool Room::short_now(os::FdRef any)
{
    const os::UniqueFd probe{os::adopt, ::fcntl(any.get(), F_DUPFD_CLOEXEC, 0)};
    return !probe.valid() || short_after(probe.borrow());
}

} // namespace ostler::shim
