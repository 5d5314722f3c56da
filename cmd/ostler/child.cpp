// SPDX-License-Identifier: MIT
#include "cmd/ostler/child.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ostler::cli
{
namespace
{

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (std::string& text : texts)
        all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more)
{
    std::vector<std::string> all = more;
    for (char** entry = environ; *entry; ++entry)
        if (std::strncmp(*entry, "NOTIFY_SOCKET=", 14) != 0)
            all.emplace_back(*entry);
    return all;
}

// Files and session of the child; freed at the end.
class SpawnSettings
{
public:
    SpawnSettings()
    {
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attributes);
        // What we ignore or hold is our own affair.
        sigset_t set;
        sigfillset(&set);
        posix_spawnattr_setsigdefault(&attributes, &set);
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attributes, &set);
    }
    ~SpawnSettings()
    {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    void log_to(const std::string& path)
    {
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, path.c_str(),
                                         O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
        posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    }
    void set_apart(Apart apart)
    {
        constexpr short flags[] = {POSIX_SPAWN_SETPGROUP, POSIX_SPAWN_SETSID};
        const auto flag = flags[static_cast<std::size_t>(apart)];
        posix_spawnattr_setflags(
            &attributes, static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | flag));
    }

    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
};

} // namespace

std::string ostlerd_path()
{
    std::array<char, PATH_MAX> self{};
    const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
    const std::string path{self.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    const std::string folder = path.substr(0, path.rfind('/'));
    const std::string beside = folder + "/ostlerd";
    return ::access(beside.c_str(), X_OK) == 0 ? beside : folder + "/../sbin/ostlerd";
}

Child spawn_ostlerd(const ChildPlan& plan)
{
    std::vector<std::string> args{ostlerd_path()};
    args.insert(args.end(), plan.args.begin(), plan.args.end());
    std::vector<std::string> env = environment_with(plan.env);
    SpawnSettings settings;
    if (plan.log)
        settings.log_to(*plan.log);
    settings.set_apart(plan.apart);
    Child child;
    const int error =
        ::posix_spawn(&child.pid, args[0].c_str(), &settings.files, &settings.attributes,
                      pointers(args).data(), pointers(env).data());
    if (error != 0)
        child.problem = "cannot start " + args[0] +
                        (plan.log ? " with its log in " + *plan.log : "") + ": " +
                        std::strerror(error);
    return child;
}

NotifySocket::NotifySocket()
    : socket_{os::adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int on = 1;
    // The kernel finds a free abstract name.
    if (!socket_.valid() ||
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family) !=
            0) {
        socket_.reset();
        return;
    }
    socklen_t size = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    address_ = "@" + std::string{address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1};
}

std::optional<std::string> NotifySocket::receive(pid_t from) const
{
    std::array<char, 4096> text{};
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec piece{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (size <= 0)
        return std::nullopt;
    const cmsghdr* part = CMSG_FIRSTHDR(&message);
    if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
        return std::nullopt;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
    if (sender.pid != from)
        return std::nullopt;
    return std::string{text.data(), static_cast<std::size_t>(size)};
}

} // namespace ostler::cli
