// SPDX-License-Identifier: MIT
// What the kernel keeps for each process. Set before the user changes: raising any of it may need
// privileges.
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{

using namespace wire::plan;

int set_umask(Launch& launch)
{
    if (launch.plan.head.umask != unset)
        ::umask(launch.plan.head.umask);
    return 0;
}

int set_nice(Launch& launch)
{
    if (!launch.plan.has(Flag::set_nice))
        return 0;
    return error_of(::setpriority(PRIO_PROCESS, 0, launch.plan.head.nice));
}

int set_oom_score_adj(Launch& launch)
{
    if (!launch.plan.has(Flag::set_oom_score_adj))
        return 0;
    const os::UniqueFd file{os::adopt, ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
    if (!file.valid())
        return errno;
    return error_of(::dprintf(file.get(), "%d", launch.plan.head.oom_score_adj));
}

int set_affinity(Launch& launch)
{
    if (launch.plan.cpus.empty())
        return 0;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::uint32_t cpu : launch.plan.cpus)
        CPU_SET(cpu, &set);
    return error_of(::sched_setaffinity(0, sizeof set, &set));
}

int set_limits(Launch& launch)
{
    for (const Limit& limit : launch.plan.limits) {
        const rlimit wanted{limit.soft, limit.hard};
        if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &wanted) != 0)
            return errno;
    }
    return 0;
}

} // namespace ostler::launcher
