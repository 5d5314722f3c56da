// SPDX-License-Identifier: MIT
#include "daemon/keeper/inherited.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/keeper/say.hpp"

namespace ostler::keeper
{
namespace
{

// 0 where the variable is not there, or is meant for another process.
long count_for_us()
{
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    if (pid == nullptr || count == nullptr || std::strtol(pid, nullptr, 10) != ::getpid())
        return 0;
    return std::max(0L, std::strtol(count, nullptr, 10));
}

} // namespace

Inherited Inherited::from_environment()
{
    Inherited inherited;
    for (const char* ours : {"OSTLER_LISTEN_FDS", "OSTLER_LISTEN_FDNAMES"})
        ::unsetenv(ours);
    const long count = count_for_us();
    if (count > static_cast<long>(most))
        say("%ld sockets were passed to this daemon, it takes the first %zu", count, most);
    for (int number = first; number < first + count && inherited.count_ < most; ++number) {
        if (::fcntl(number, F_GETFD) < 0)
            break; // it has fewer than it says
        inherited.numbers_[inherited.count_++] = number;
    }
    if (inherited.count_ != 0) {
        char text[24];
        std::snprintf(text, sizeof text, "%zu", inherited.count_);
        ::setenv("OSTLER_LISTEN_FDS", text, 1);
        if (const char* names = std::getenv("LISTEN_FDNAMES"))
            ::setenv("OSTLER_LISTEN_FDNAMES", names, 1);
    }
    for (const char* theirs : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"})
        ::unsetenv(theirs);
    return inherited;
}

} // namespace ostler::keeper
