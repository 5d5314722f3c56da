// SPDX-License-Identifier: MIT
#include "daemon/keeper/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "daemon/keeper/signals.hpp"
#include "ipc/os/signals.hpp"
#include "ipc/wire/keeper.hpp"

namespace ostler::keeper
{
namespace
{

constexpr int first_fd = 3;
constexpr std::size_t most_fds = wire::keeper::max_start_fds;

struct Program {
    int folder; // as execveat has them
    const char* path;
    int flags;
    char* const* argv;
    char* const* env;
    std::span<const int> fds;
    const sigset_t* held; // signals that it finds blocked, or null
    int error = 0;        // written by the child, which shares our memory
};

// A copy above everything that is placed, and no higher: the limit may be low.
int lift(int fd, std::size_t placed)
{
    return ::fcntl(fd, F_DUPFD_CLOEXEC, first_fd + static_cast<int>(placed));
}

// All numbers may overlap, that of what we execute too; so everything is lifted first.
int place(Program& program)
{
    const std::size_t count = program.fds.size();
    int lifted[most_fds];
    for (std::size_t i = 0; i < count; ++i)
        if ((lifted[i] = lift(program.fds[i], count)) < 0)
            return errno;
    if (program.folder != AT_FDCWD && (program.folder = lift(program.folder, count)) < 0)
        return errno;
    for (std::size_t i = 0; i < count; ++i)
        if (::dup2(lifted[i], first_fd + static_cast<int>(i)) < 0)
            return errno;
    return 0;
}

// The child. Its descriptors, signal handlers and mask are its own, its memory is ours.
int become(void* argument)
{
    auto& program = *static_cast<Program*>(argument);
    ::setpgid(0, 0);
    program.error = place(program);
    if (program.error == 0) {
        os::reset_signals();
        if (program.held != nullptr)
            ::sigprocmask(SIG_BLOCK, program.held, nullptr);
        ::execveat(program.folder, program.path, program.argv, program.env, program.flags);
        program.error = errno;
    }
    ::_exit(127);
}

Started start(Program program)
{
    alignas(16) static std::byte stack[64 * 1024];
    int pidfd = -1;
    // CLONE_VFORK: returns when the child has executed or ended, so that there is one child on the
    // stack, its group exists, and `error` is written.
    const pid_t pid = ::clone(become, stack + sizeof stack,
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &program, &pidfd);
    if (pid < 0)
        return {-errno, {}};
    os::UniqueFd owned{os::adopt, pidfd};
    if (program.error == 0)
        return {pid, static_cast<os::UniqueFd&&>(owned)};
    ::waitpid(pid, nullptr, 0);
    return {-program.error, {}};
}

} // namespace

Started start_launcher(os::FdRef launcher, std::span<const int> fds)
{
    char name[] = "ostler-launch";
    char* argv[] = {name, nullptr};
    char* env[] = {nullptr};
    return start({launcher.get(), "", AT_EMPTY_PATH, argv, env, fds, nullptr});
}

Started start_master(const char* path, char* argv[], os::FdRef channel,
                     std::span<const int> inherited)
{
    int fds[most_fds] = {channel.get()};
    const std::size_t count = std::min(inherited.size(), most_fds - 1);
    std::copy_n(inherited.begin(), count, fds + 1);
    static_assert(wire::keeper::channel_fd == first_fd);
    argv[0] = const_cast<char*>(path); // exec only reads it
    const sigset_t held = held_by_master();
    return start({AT_FDCWD, path, 0, argv, environ, {fds, count + 1}, &held});
}

} // namespace ostler::keeper
