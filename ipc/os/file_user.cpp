// SPDX-License-Identifier: MIT
#include "ipc/os/file_user.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/capability.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ostler::os
{
namespace
{

// The kernel's own calls change one thread; libc's would change all of them.
bool set_groups(const std::vector<gid_t>& groups)
{
    return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// These two say what was before, and nothing of success.
bool set_file_ids(const FileUser::Ids& ids)
{
    ::setfsgid(ids.group);
    ::setfsuid(ids.user);
    constexpr auto ask = static_cast<unsigned>(-1);
    return static_cast<gid_t>(::setfsgid(ask)) == ids.group &&
           static_cast<uid_t>(::setfsuid(ask)) == ids.user;
}

// Also those that only root loses by itself when its file id changes.
bool drop_capabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {};
    return ::syscall(SYS_capset, &header, none) == 0;
}

bool have_already(const FileUser::Ids& ids)
{
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    std::vector<gid_t> wanted = ids.groups;
    std::sort(wanted.begin(), wanted.end());
    std::sort(groups.begin(), groups.end());
    return ids.user == ::geteuid() && ids.group == ::getegid() &&
           count == static_cast<int>(groups.size()) && groups == wanted;
}

} // namespace

Result<void> act_as(const FileUser& user)
{
    if (user.umask) {
        if (::unshare(CLONE_FS) != 0)
            return last_error();
        ::umask(*user.umask);
    }
    if (!user.ids || have_already(*user.ids))
        return {};
    const int dumpable = ::prctl(PR_GET_DUMPABLE);
    const bool changed = set_groups(user.ids->groups) && set_file_ids(*user.ids) &&
                         (user.ids->user == 0 || drop_capabilities());
    const Error error = last_error();
    // The whole process lost this with the ids of one thread, and a crash would leave no core.
    if (dumpable == 1)
        ::prctl(PR_SET_DUMPABLE, 1);
    if (!changed)
        return error.value() == 0 ? error_from(EPERM) : error;
    return {};
}

} // namespace ostler::os
