// SPDX-License-Identifier: MIT
// From the daemon's identity to the worker's, believed only after the kernel has confirmed it.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{
namespace
{

using namespace wire::plan;

// Ambient capabilities would pass through exec, and a change between two users that are not root
// takes none away.
int drop_capabilities()
{
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return errno;
    if (::geteuid() == 0)
        return 0;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    return error_of(::syscall(SYS_capset, &header, none));
}

bool without_capabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, held) != 0)
        return false;
    return std::all_of(std::begin(held), std::end(held), [](const __user_cap_data_struct& part) {
        return part.effective == 0 && part.permitted == 0;
    });
}

bool has_ids(const Head& head)
{
    uid_t uid, effective_uid, saved_uid;
    gid_t gid, effective_gid, saved_gid;
    return ::getresuid(&uid, &effective_uid, &saved_uid) == 0 &&
           ::getresgid(&gid, &effective_gid, &saved_gid) == 0 && //
           uid == head.uid && effective_uid == head.uid && saved_uid == head.uid &&
           gid == head.gid && effective_gid == head.gid && saved_gid == head.gid;
}

// The kernel keeps the list as it was given, but sorted.
bool has_groups(std::span<const std::uint32_t> wanted)
{
    constexpr int most = 65536; // NGROUPS_MAX
    static gid_t held[most];
    const int count = ::getgroups(most, held);
    return count >= 0 && static_cast<std::size_t>(count) == wanted.size() &&
           std::all_of(held, held + count, [&](gid_t group) {
               return std::find(wanted.begin(), wanted.end(), group) != wanted.end();
           });
}

// Nobody who is not root can become it, and nobody else remains.
bool became(const View& plan)
{
    if (!has_ids(plan.head) || !has_groups(plan.groups))
        return false;
    return plan.head.uid == 0 || (without_capabilities() && ::setuid(0) != 0);
}

} // namespace

int set_groups(Launch& launch)
{
    const View& plan = launch.plan;
    if (plan.head.uid == unset)
        return 0;
    if (::setgroups(plan.groups.size(), plan.groups.data()) != 0)
        return errno;
    return error_of(::setresgid(plan.head.gid, plan.head.gid, plan.head.gid));
}

int change_user(Launch& launch)
{
    const auto uid = launch.plan.head.uid;
    return uid == unset ? 0 : error_of(::setresuid(uid, uid, uid));
}

int verify_privileges(Launch& launch)
{
    if (const int error = drop_capabilities())
        return error;
    if (launch.plan.head.uid != unset && !became(launch.plan))
        return EPERM;
    if (!launch.plan.has(Flag::no_new_privileges))
        return 0;
    return error_of(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

// In this order: a keeper that died before the prctl has left us to another parent.
int die_with_keeper(Launch& launch)
{
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return errno;
    return ::getppid() == launch.plan.head.keeper ? 0 : ESRCH;
}

} // namespace ostler::launcher
