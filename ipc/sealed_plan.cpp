// SPDX-License-Identifier: MIT
#include "ipc/sealed_plan.hpp"

#include <fcntl.h>
#include <sys/mman.h>

namespace ostler
{

os::Result<os::UniqueFd> seal_plan(const wire::plan::Plan& plan)
{
    const auto bytes = wire::plan::write_plan(plan);
    if (bytes.size() > wire::plan::max_bytes)
        return os::error_from(E2BIG);
    os::UniqueFd memory{os::adopt, ::memfd_create("ostler-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory.valid())
        return os::last_error();
    const auto written = ::write(memory.get(), bytes.data(), bytes.size());
    if (written < 0)
        return os::last_error();
    if (static_cast<std::size_t>(written) != bytes.size())
        return os::error_from(ENOSPC);
    if (::fcntl(memory.get(), F_ADD_SEALS,
                F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return os::last_error();
    return memory;
}

} // namespace ostler
