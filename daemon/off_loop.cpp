// SPDX-License-Identifier: MIT
#include "daemon/off_loop.hpp"

#include <sys/socket.h>

namespace ostler
{
namespace
{

// Its close does not wait any more; what it has to send is sent all the same.
void end_lingering(os::FdRef fd)
{
    linger set{};
    socklen_t size = sizeof set;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &set, &size) != 0 || set.l_onoff == 0 ||
        set.l_linger == 0)
        return;
    set.l_onoff = 0;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &set, sizeof set);
}

} // namespace

void OffLoop::close(os::UniqueFd fd)
{
    if (!fd.valid())
        return;
    std::vector<os::UniqueFd> one;
    one.push_back(std::move(fd));
    close(std::move(one));
}

void OffLoop::close(std::vector<os::UniqueFd> fds)
{
    if (fds.empty())
        return;
    // So many linger already that somebody is at it on purpose.
    const bool behind = closers_.behind();
    if (behind)
        for (const os::UniqueFd& fd : fds)
            end_lingering(fd.borrow());
    auto held = std::make_shared<std::vector<os::UniqueFd>>(std::move(fds));
    (behind ? others_ : closers_).add([held] { held->clear(); });
}

} // namespace ostler
