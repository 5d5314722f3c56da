// SPDX-License-Identifier: MIT
// ostlerd: the keeper. Parses nothing: all arguments are the master's.
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/keeper/inherited.hpp"
#include "daemon/keeper/keeper.hpp"
#include "daemon/keeper/say.hpp"
#include "daemon/keeper/signals.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"

namespace
{

using namespace ostler;
using keeper::say;

// Where the other programs are, seen from this one: the same in a build tree and after
// installation.
class Sibling
{
public:
    explicit Sibling(const char* name)
    {
        const ssize_t size = ::readlink("/proc/self/exe", path_, PATH_MAX);
        path_[size > 0 ? size : 0] = '\0';
        char* slash = std::strrchr(path_, '/');
        std::snprintf(slash != nullptr ? slash : path_, room, "/../libexec/ostler/%s", name);
    }
    [[nodiscard]] const char* path() const { return path_; }

private:
    static constexpr std::size_t room = 64;
    char path_[PATH_MAX + room];
};

// 0 to 2 are open, whatever our parent thinks, and nothing that it left open reaches a child.
void prepare_descriptors()
{
    int fd;
    do
        fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO && ::fcntl(fd, F_SETFD, 0) == 0);
    ::close(fd);
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

// With fewer the first worker may not start, for reasons that name no limit.
constexpr rlim_t least_descriptors = 64;

bool enough_descriptors()
{
    rlimit limit;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= least_descriptors)
        return true;
    say("the limit of open files is %ju, and this daemon needs at least %ju: raise it (ulimit -n, "
        "LimitNOFILE=)",
        static_cast<std::uintmax_t>(limit.rlim_cur),
        static_cast<std::uintmax_t>(least_descriptors));
    return false;
}

// `ostler run`: when it ends, in whatever way, it is as if we were told to stop.
void end_with_parent()
{
    const char* parent = std::getenv("OSTLER_PARENT");
    if (parent == nullptr)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != std::strtol(parent, nullptr, 10)) // it had ended before
        ::raise(SIGTERM);
    ::unsetenv("OSTLER_PARENT"); // it is nobody else's
}

bool heartbeat_wanted()
{
    const char* off = std::getenv("OSTLER_NO_HEARTBEAT");
    return off == nullptr || std::strcmp(off, "1") != 0;
}

int fail(const char* what, const char* path, int error)
{
    say("cannot %s %s: %s", what, path, ::strerrordesc_np(error));
    return exit_system;
}

} // namespace

int main(int, char* argv[])
{
    static constinit keeper::Table table;
    prepare_descriptors();
    if (!enough_descriptors())
        return exit_system;
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const auto inherited = keeper::Inherited::from_environment();
    auto signals = keeper::take_over_signals();
    end_with_parent();
    auto manager = keeper::ServiceManager::from_environment();

    const Sibling launch{"launch"};
    const Sibling master{"master"};
    os::UniqueFd launcher{os::adopt, ::open(launch.path(), O_PATH | O_CLOEXEC)};
    if (!launcher.valid())
        return fail("open", launch.path(), errno);
    os::UniqueFd ours, theirs;
    if (const int error = os::packet_pair(ours, theirs))
        return fail("make a channel to", master.path(), -error);
    const auto started =
        keeper::start_master(master.path(), argv, theirs.borrow(), inherited.descriptors());
    if (started.pid < 0)
        return fail("start", master.path(), -started.pid);
    theirs.reset();

    return keeper::Keeper{table,
                          {.signals = static_cast<os::UniqueFd&&>(signals),
                           .launcher = static_cast<os::UniqueFd&&>(launcher),
                           .channel = static_cast<os::UniqueFd&&>(ours),
                           .master = started.pid,
                           .nurse = keeper::Nurse{heartbeat_wanted()},
                           .manager = static_cast<keeper::ServiceManager&&>(manager)}}
        .run();
}
