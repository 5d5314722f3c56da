// SPDX-License-Identifier: MIT
// Loaded in front of libc by LD_PRELOAD: calls go through unless the plan says that this one fails.
// For dynamically linked programs; what libc calls inside itself does not come by here.
#include <cerrno>
#include <cstdarg>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/fault/preload/fault_plan.hpp"

namespace
{

ostler::fault::FaultPlan& plan()
{
    static ostler::fault::FaultPlan read_once;
    return read_once;
}

// The next definition of this function behind ours.
template <typename Function>
Function* real(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

template <typename Function, typename... Arguments>
auto pass(const char* name, Arguments... arguments)
{
    using Value = decltype(real<Function>(name)(arguments...));
    const int error = plan().verdict(name);
    if (error == 0)
        return real<Function>(name)(arguments...);
    errno = error;
    return static_cast<Value>(-1);
}

} // namespace

#define OSTLER_EXPORT extern "C" __attribute__((visibility("default")))

OSTLER_EXPORT int accept4(int fd, sockaddr* address, socklen_t* size, int flags)
{
    return pass<decltype(accept4)>("accept4", fd, address, size, flags);
}
OSTLER_EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags)
{
    return pass<decltype(sendmsg)>("sendmsg", fd, message, flags);
}
OSTLER_EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags)
{
    return pass<decltype(recvmsg)>("recvmsg", fd, message, flags);
}
OSTLER_EXPORT int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* time)
{
    return pass<decltype(recvmmsg)>("recvmmsg", fd, messages, count, flags, time);
}
OSTLER_EXPORT int socket(int domain, int type, int protocol)
{
    return pass<decltype(socket)>("socket", domain, type, protocol);
}
OSTLER_EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
    return pass<decltype(socketpair)>("socketpair", domain, type, protocol, pair);
}
OSTLER_EXPORT int bind(int fd, const sockaddr* address, socklen_t size)
{
    return pass<decltype(bind)>("bind", fd, address, size);
}
OSTLER_EXPORT int listen(int fd, int backlog)
{
    return pass<decltype(listen)>("listen", fd, backlog);
}
OSTLER_EXPORT int pipe2(int pair[2], int flags)
{
    return pass<decltype(pipe2)>("pipe2", pair, flags);
}
OSTLER_EXPORT int memfd_create(const char* name, unsigned flags)
{
    return pass<int(const char*, unsigned)>("memfd_create", name, flags);
}
OSTLER_EXPORT int ftruncate(int fd, off_t size)
{
    return pass<decltype(ftruncate)>("ftruncate", fd, size);
}
OSTLER_EXPORT int dup(int fd)
{
    return pass<decltype(dup)>("dup", fd);
}
OSTLER_EXPORT int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    const auto argument = va_arg(more, long); // a number or a pointer; unused by some commands
    va_end(more);
    // Only making a descriptor can fail: Linux refuses no flag that we set.
    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
        return real<int(int, int, ...)>("fcntl")(fd, command, argument);
    return pass<int(int, int, ...)>("fcntl", fd, command, argument);
}
OSTLER_EXPORT int epoll_ctl(int set, int operation, int fd, epoll_event* event)
{
    // Only adding takes memory.
    if (operation != EPOLL_CTL_ADD)
        return real<decltype(epoll_ctl)>("epoll_ctl")(set, operation, fd, event);
    return pass<decltype(epoll_ctl)>("epoll_ctl", set, operation, fd, event);
}
OSTLER_EXPORT ssize_t write(int fd, const void* bytes, std::size_t size)
{
    return pass<decltype(write)>("write", fd, bytes, size);
}
OSTLER_EXPORT int open(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const auto mode = va_arg(more, mode_t); // unused by the callee unless the flags say so
    va_end(more);
    return pass<int(const char*, int, ...)>("open", path, flags, mode);
}
