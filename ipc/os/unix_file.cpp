// SPDX-License-Identifier: MIT
#include "ipc/os/unix_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>

namespace ostler::os
{
namespace
{

// The umask belongs to the whole process; nothing else of ours makes files meanwhile.
class Umask
{
public:
    explicit Umask(mode_t mask) : before_{::umask(mask)} {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { ::umask(before_); }

private:
    mode_t before_;
};

enum class Listens { yes, no };

Result<Listens> ask(const Endpoint& where)
{
    const UniqueFd probe{adopt, ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!probe.valid())
        return last_error();
    if (::connect(probe.get(), where.address(), where.size()) == 0)
        return Listens::yes;
    // Anything else, a full backlog (EAGAIN) or another type of socket (EPROTOTYPE), has an owner.
    return errno == ECONNREFUSED || errno == ENOENT ? Listens::no : Listens::yes;
}

} // namespace

Result<UnixFile> UnixFile::at(std::string path)
{
    struct stat found {
    };
    if (::lstat(path.c_str(), &found) != 0)
        return last_error();
    if (!S_ISSOCK(found.st_mode))
        return error_from(EEXIST);
    UnixFile file;
    file.path_ = std::move(path);
    file.device_ = found.st_dev;
    file.inode_ = found.st_ino;
    return file;
}

UnixFile::UnixFile(UnixFile&& other) noexcept
    : path_{std::exchange(other.path_, {})}, device_{other.device_}, inode_{other.inode_}
{
}

UnixFile& UnixFile::operator=(UnixFile&& other) noexcept
{
    if (this == &other)
        return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

void UnixFile::remove()
{
    struct stat found {
    };
    if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
        found.st_ino == inode_)
        ::unlink(path_.c_str());
    path_.clear();
}

Result<void> UnixFile::set_access(const FileAccess& access) const
{
    if (path_.empty() || (!access.mode && !access.owner && !access.group))
        return {};
    // By a descriptor of the file itself: its name may mean another file a moment later, and a
    // symbolic link would be followed.
    const UniqueFd file{adopt, ::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!file.valid())
        return last_error();
    struct stat found {
    };
    if (::fstat(file.get(), &found) != 0)
        return last_error();
    if (found.st_dev != device_ || found.st_ino != inode_)
        return error_from(ESTALE);
    const auto uid = access.owner.value_or(static_cast<uid_t>(-1));
    const auto gid = access.group.value_or(static_cast<gid_t>(-1));
    if ((access.owner || access.group) && ::fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) != 0)
        return last_error();
    const std::string link = "/proc/self/fd/" + std::to_string(file.get());
    if (access.mode && ::chmod(link.c_str(), *access.mode) != 0)
        return last_error();
    return {};
}

Result<void> clear_stale(const Endpoint& where)
{
    auto file = UnixFile::at(where.path());
    if (!file)
        return file.error().value() == ENOENT ? Result<void>{} : file.error();
    const auto listens = ask(where);
    if (!listens || *listens == Listens::yes)
        file->keep();
    if (!listens)
        return listens.error();
    if (*listens == Listens::yes)
        return error_from(EADDRINUSE);
    file->remove();
    return {};
}

Result<UnixFile> bind_file(FdRef socket, const Endpoint& where, const FileAccess& access)
{
    {
        std::optional<Umask> closed;
        if (access.mode)
            closed.emplace(static_cast<mode_t>(0777 & ~*access.mode));
        if (::bind(socket.get(), where.address(), where.size()) != 0)
            return last_error();
    }
    auto file = UnixFile::at(where.path());
    if (!file)
        return file.error();
    if (const auto set = file->set_access(access); !set)
        return set.error();
    return file;
}

} // namespace ostler::os
