// SPDX-License-Identifier: MIT
#include "config/lookup.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/address.hpp"
#include "config/problems.hpp"
#include "config/scalars.hpp"

namespace ostler::config
{

namespace
{

// The largest number means "no change" to the kernel.
std::optional<std::uint32_t> parse_id(const std::string& text)
{
    const auto number = parse_whole(text);
    if (!number || *number < 0 || *number >= UINT32_MAX)
        return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

// Runs one of the _r functions of pwd.h and grp.h with a buffer that is large enough.
template <typename Record, typename Call>
bool look_up(Record& record, std::vector<char>& buffer, Call call)
{
    Record* found = nullptr;
    for (buffer.resize(4096); call(&record, buffer.data(), buffer.size(), &found) == ERANGE;)
        buffer.resize(buffer.size() * 2);
    return found != nullptr;
}

std::string why_not_executable(const std::string& path)
{
    struct stat about {
    };
    if (::stat(path.c_str(), &about) != 0)
        return std::strerror(errno);
    if (!S_ISREG(about.st_mode))
        return S_ISDIR(about.st_mode) ? "it is a folder" : "it is not a file";
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0)
        return fmt::format("it is not executable (mode {:04o}): chmod +x it",
                           about.st_mode & 07777U);
    return {};
}

Parsed<std::string> search(const std::string& name, std::string_view folders)
{
    while (!folders.empty()) {
        const auto folder = folders.substr(0, folders.find(':'));
        folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
        const std::string path = fmt::format("{}/{}", folder, name);
        if (folder.starts_with('/') && why_not_executable(path).empty())
            return path;
    }
    return Wrong{
        fmt::format("no program {} in the PATH of the daemon: write its path", quote(name))};
}

} // namespace

Parsed<Account> find_user(const std::string& name)
{
    struct passwd entry {
    };
    std::vector<char> buffer;
    const auto id = parse_id(name);
    const bool found = look_up(entry, buffer, [&](auto... rest) {
        return id ? ::getpwuid_r(*id, rest...) : ::getpwnam_r(name.c_str(), rest...);
    });
    if (found)
        return Account{entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
    if (id)
        return Account{.name = name, .uid = *id};
    return Wrong{fmt::format("there is no user {} on this machine", quote(name))};
}

Parsed<gid_t> find_group(const std::string& name)
{
    if (const auto id = parse_id(name))
        return *id;
    struct group entry {
    };
    std::vector<char> buffer;
    const bool found =
        look_up(entry, buffer, [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); });
    if (found)
        return entry.gr_gid;
    return Wrong{fmt::format("there is no group {} on this machine", quote(name))};
}

std::vector<gid_t> groups_of(const Account& user, gid_t primary)
{
    int count = 32;
    std::vector<gid_t> groups(32);
    while (::getgrouplist(user.name.c_str(), primary, groups.data(), &count) < 0)
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

Parsed<std::string> find_program(const std::string& name, const std::string& folder,
                                 const Environment& environment)
{
    if (name.empty())
        return Wrong{"expected a program, found an empty string"};
    if (name.find('/') == std::string::npos) {
        const char* path = environment("PATH");
        return search(name, path ? path : "/usr/local/bin:/usr/bin:/bin");
    }
    const std::string path = absolute(name, folder);
    const std::string why = why_not_executable(path);
    if (!why.empty())
        return Wrong{fmt::format("cannot execute {}: {}", path, why)};
    return path;
}

bool is_folder(const std::string& path)
{
    struct stat about {
    };
    return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

unsigned usable_cpus()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    // More CPUs than the set has room for: EINVAL.
    if (::sched_getaffinity(0, sizeof set, &set) != 0)
        return known_cpus();
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

unsigned known_cpus()
{
    return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
}

} // namespace ostler::config
