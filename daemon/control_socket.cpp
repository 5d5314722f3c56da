// SPDX-License-Identifier: MIT
#include "daemon/control_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using Failure = ControlSocket::Failure;

int exit_code_for(int error)
{
    return error == EACCES || error == EPERM ? exit_not_permitted : exit_system;
}

bool fail(Failure& failure, const std::string& doing, int error)
{
    failure = {exit_code_for(error), doing + ": " + std::strerror(error)};
    return false;
}

std::string lock_path(const std::string& path)
{
    return path + ".lock";
}

mode_t mode_of(ControlSocket::Reach reach)
{
    return reach == ControlSocket::Reach::everyone ? 0666 : 0600;
}

bool make_folder(const std::string& path, Failure& failure)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0)
        return true;
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST)
        return true;
    struct stat found;
    const int error = errno; // a folder that exists on a read-only file system is EROFS
    if (::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode))
        return true;
    return fail(failure, "making the folder of the control socket, " + folder, error);
}

std::string holder_of(os::FdRef lock)
{
    char text[32] = {};
    const ssize_t size = ::pread(lock.get(), text, sizeof text - 1, 0);
    const std::string pid{text, size > 0 ? std::strcspn(text, "\n") : 0};
    return pid.empty() ? "its pid is not written yet" : "pid " + pid;
}

// Whether the file we have locked is still the one with that name: the last daemon removes it.
bool still_there(const std::string& name, os::FdRef lock)
{
    struct stat named, locked;
    return ::stat(name.c_str(), &named) == 0 && ::fstat(lock.get(), &locked) == 0 &&
           named.st_dev == locked.st_dev && named.st_ino == locked.st_ino;
}

// One try; `lock` stays invalid when the file vanished meanwhile.
bool try_lock(const std::string& path, os::UniqueFd& lock, Failure& failure)
{
    const std::string name = lock_path(path);
    os::UniqueFd file{os::adopt,
                      ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!file.valid())
        return fail(failure, "opening " + name, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail(failure, "locking " + name, errno);
        failure = {exit_failed, "already running, " + holder_of(file.borrow()) + " (" + path + ")"};
        return false;
    }
    if (still_there(name, file.borrow()))
        lock = std::move(file);
    return true;
}

bool take_lock(const std::string& path, pid_t keeper, os::UniqueFd& lock, Failure& failure)
{
    while (!lock.valid())
        if (!try_lock(path, lock, failure))
            return false;
    const std::string pid = std::to_string(keeper) + '\n';
    if (::ftruncate(lock.get(), 0) != 0 ||
        ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return fail(failure, "writing the pid into " + lock_path(path), errno);
    return true;
}

// With the lock in hand a socket of that name is a dead daemon's, or another program's.
bool remove_stale(const std::string& path, const sockaddr_un& address, Failure& failure)
{
    struct stat found;
    if (::lstat(path.c_str(), &found) != 0)
        return errno == ENOENT || fail(failure, "looking at " + path, errno);
    if (!S_ISSOCK(found.st_mode)) {
        failure = {exit_failed, path + " is not a socket: remove it, or choose another path for "
                                       "the control socket"};
        return false;
    }
    const os::UniqueFd probe{os::adopt,
                             ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int result =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (result == 0 || errno != ECONNREFUSED) {
        failure = {exit_failed, path + " belongs to another running program: choose another path "
                                       "for the control socket"};
        return false;
    }
    return ::unlink(path.c_str()) == 0 || fail(failure, "removing the old " + path, errno);
}

// Nobody may connect before the mode is right: the file is born with the mode of its descriptor.
bool bind_socket(const std::string& path, const sockaddr_un& address, mode_t mode,
                 os::UniqueFd& listening, Failure& failure)
{
    listening = os::UniqueFd{os::adopt,
                             ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int fd = listening.get();
    if (!listening.valid() || ::fchmod(fd, 0600) != 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        listening.reset(); // the file, if there is one, is not ours to remove
        return fail(failure, "binding the control socket " + path, error);
    }
    if (::chmod(path.c_str(), mode) != 0 || ::listen(fd, 128) != 0)
        return fail(failure, "listening on the control socket " + path, errno);
    return true;
}

} // namespace

ControlSocket::ControlSocket(std::string path, os::UniqueFd listening, os::UniqueFd lock)
    : path_{std::move(path)}, listening_{std::move(listening)}, lock_{std::move(lock)}
{
}

std::optional<ControlSocket> ControlSocket::open(std::string path, Reach reach, pid_t keeper,
                                                 Failure& failure)
{
    const auto address = control::address_of(path);
    if (!address) {
        failure = {exit_config, control::bad_path(path)};
        return std::nullopt;
    }
    os::UniqueFd lock;
    if (!make_folder(path, failure) || !take_lock(path, keeper, lock, failure))
        return std::nullopt;
    ControlSocket made{path, {}, std::move(lock)}; // from here on it cleans up
    if (!remove_stale(path, *address, failure) ||
        !bind_socket(path, *address, mode_of(reach), made.listening_, failure))
        return std::nullopt;
    return made;
}

ControlSocket ControlSocket::adopt(std::string path, os::UniqueFd listening, os::UniqueFd lock)
{
    return ControlSocket{std::move(path), std::move(listening), std::move(lock)};
}

ControlSocket::~ControlSocket()
{
    if (listening_.valid())
        ::unlink(path_.c_str());
    if (lock_.valid())
        ::unlink(lock_path(path_).c_str()); // before it is unlocked: see still_there()
}

void ControlSocket::set_reach(Reach reach)
{
    ::chmod(path_.c_str(), mode_of(reach)); // best effort: the roles decide in any case
}

} // namespace ostler
