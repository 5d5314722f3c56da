// SPDX-License-Identifier: MIT
// Where a worker's stdin comes from, and its stdout and stderr go. Descriptors were placed before;
// files are opened here, with the rights of the worker's user.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{
namespace
{

using namespace wire::plan;

int replace(int standard, const os::UniqueFd& opened)
{
    return error_of(opened.valid() ? ::dup2(opened.get(), standard) : -1);
}

int to_null(int standard, int mode)
{
    return replace(standard, {os::adopt, ::open("/dev/null", mode | O_CLOEXEC)});
}

// Never waits: a FIFO that nobody reads is an error. O_NONBLOCK is for the opening alone.
int to_file(int standard, const char* path)
{
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const os::UniqueFd file{os::adopt, ::open(path, flags | O_CLOEXEC, 0640)};
    struct stat kind;
    if (!file.valid() || ::fstat(file.get(), &kind) != 0)
        return errno;
    if (!S_ISREG(kind.st_mode) && !S_ISFIFO(kind.st_mode) && !S_ISCHR(kind.st_mode))
        return EINVAL;
    if (::fcntl(file.get(), F_SETFL, O_APPEND) != 0)
        return errno;
    return replace(standard, file);
}

int direct(int standard, std::uint32_t kind, const char* path)
{
    switch (OutputKind{kind}) {
    case OutputKind::null:
        return to_null(standard, O_WRONLY);
    case OutputKind::file:
        return to_file(standard, path);
    case OutputKind::inherit:
    case OutputKind::descriptor:
        break;
    }
    return 0;
}

} // namespace

int open_output(Launch& launch)
{
    const View& plan = launch.plan;
    const bool given = OutputKind{plan.head.in_kind} == OutputKind::descriptor;
    if (const int error = given ? 0 : to_null(STDIN_FILENO, O_RDONLY))
        return error;
    if (const int error = direct(STDOUT_FILENO, plan.head.out_kind, plan.out_path))
        return error;
    return direct(STDERR_FILENO, plan.head.err_kind, plan.err_path);
}

} // namespace ostler::launcher
