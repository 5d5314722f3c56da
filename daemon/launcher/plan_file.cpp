// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{

// EPERM: not sealed, so it could change under our checks. EBADMSG: makes no sense.
int read_plan(Launch& launch)
{
    constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
    const int seals = ::fcntl(wire::plan::plan_fd, F_GET_SEALS);
    if (seals < 0)
        return errno;
    if ((seals & needed) != needed)
        return EPERM;
    struct stat file;
    if (::fstat(wire::plan::plan_fd, &file) != 0)
        return errno;
    const auto size = static_cast<std::size_t>(file.st_size);
    if (size == 0 || size > wire::plan::max_bytes)
        return EBADMSG;
    const void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, wire::plan::plan_fd, 0);
    if (bytes == MAP_FAILED)
        return errno;
    return wire::plan::read_plan({static_cast<const std::byte*>(bytes), size}, launch.plan)
               ? 0
               : EBADMSG;
}

} // namespace ostler::launcher
