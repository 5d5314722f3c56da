// SPDX-License-Identifier: MIT
#include "daemon/closer.hpp"

#include <memory>
#include <utility>

#include "ipc/os/socket.hpp"

namespace ostler
{

void Closer::close(os::UniqueFd fd)
{
    if (!fd.valid())
        return;
    std::vector<os::UniqueFd> one;
    one.push_back(std::move(fd));
    close(std::move(one));
}

void Closer::close(std::vector<os::UniqueFd> fds)
{
    if (fds.empty())
        return;
    const bool behind = lingering_.behind();
    if (behind)
        for (const os::UniqueFd& fd : fds)
            os::end_lingering(fd.borrow());
    auto held = std::make_shared<std::vector<os::UniqueFd>>(std::move(fds));
    (behind ? others_ : lingering_).add([held] { held->clear(); });
}

} // namespace ostler
