// SPDX-License-Identifier: MIT
#include "ipc/shim/load.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ipc/shim/clock.hpp"

namespace ostler::shim
{

void Load::map(os::FdRef memfd)
{
    struct stat about {
    };
    const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
    if (mapped_ != nullptr || seals < 0 || (seals & F_SEAL_SHRINK) == 0 ||
        ::fstat(memfd.get(), &about) != 0 || about.st_size < static_cast<off_t>(wire::page_bytes))
        return;
    void* at =
        ::mmap(nullptr, wire::page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.get(), 0);
    if (at != MAP_FAILED)
        mapped_ = static_cast<wire::Page*>(at);
}

void Load::busy()
{
    store(page().busy_since, now_ns());
}

void Load::unmap()
{
    if (mapped_ != nullptr)
        ::munmap(mapped_, wire::page_bytes);
    mapped_ = nullptr;
}

} // namespace ostler::shim
