// SPDX-License-Identifier: MIT
#include "config/permissions.hpp"

#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace ostler::config
{

namespace
{

constexpr mode_t by_others = S_IWGRP | S_IWOTH;

bool replaceable_by_others(const struct stat& about)
{
    const bool sticky_folder = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0;
    return !S_ISLNK(about.st_mode) && !sticky_folder && (about.st_mode & by_others) != 0;
}

// What of a path is still to be walked, and where the walk stands.
struct Walk {
    std::filesystem::path here = "/";
    std::deque<std::filesystem::path> ahead;
    int links_left = 40; // as many as the kernel follows

    void put_ahead(const std::filesystem::path& path)
    {
        if (path.is_absolute())
            here = "/";
        const auto relative = path.relative_path();
        ahead.insert(ahead.begin(), relative.begin(), relative.end());
    }
};

std::optional<std::string> follow(Walk& walk, const std::filesystem::path& link)
{
    std::error_code failed;
    const auto target = std::filesystem::read_symlink(link, failed);
    if (failed || --walk.links_left == 0)
        return fmt::format("{} cannot be followed: {}", link.string(),
                           failed ? failed.message() : "too many symbolic links");
    walk.put_ahead(target);
    return std::nullopt;
}

std::optional<std::string> step(Walk& walk)
{
    const auto next = walk.here / walk.ahead.front();
    walk.ahead.pop_front();
    struct stat about {
    };
    if (::lstat(next.c_str(), &about) != 0)
        return fmt::format("{}: {}", next.string(), std::strerror(errno));
    const bool last = walk.ahead.empty() && !S_ISLNK(about.st_mode);
    if (last)
        return std::nullopt;
    if (auto why = distrust(next.string(), about))
        return why;
    if (S_ISLNK(about.st_mode))
        return follow(walk, next);
    walk.here = next;
    return std::nullopt;
}

} // namespace

std::optional<std::string> distrust(const std::string& path, const struct stat& about)
{
    const char* kind = S_ISDIR(about.st_mode) ? "the folder " : "";
    if (about.st_uid != 0 && about.st_uid != ::geteuid())
        return fmt::format("{}{} belongs to user {} (mode {:04o}), who could change it: give it to "
                           "root or to the user of the daemon",
                           kind, path, about.st_uid, about.st_mode & 07777U);
    if (replaceable_by_others(about))
        return fmt::format("{}{} can be written by others (mode {:04o}): chmod go-w it", kind, path,
                           about.st_mode & 07777U);
    return std::nullopt;
}

std::optional<std::string> distrust_way_to(const std::string& path)
{
    Walk walk;
    walk.put_ahead(std::filesystem::absolute(path));
    struct stat about {
    };
    if (::lstat("/", &about) == 0)
        if (auto why = distrust("/", about))
            return why;
    while (!walk.ahead.empty())
        if (auto why = step(walk))
            return why;
    return std::nullopt;
}

std::optional<std::string> distrust_all_of(const std::string& path)
{
    struct stat about {
    };
    if (::stat(path.c_str(), &about) != 0)
        return fmt::format("{}: {}", path, std::strerror(errno));
    if (auto why = distrust(path, about))
        return why;
    return distrust_way_to(path);
}

std::optional<std::string> distrust_as_root(const Program& program)
{
    const uid_t runs_as = program.user ? program.user->uid : ::geteuid();
    if (runs_as != 0 || program.exec.empty())
        return std::nullopt;
    const auto why = distrust_all_of(program.exec);
    return why ? std::optional{"root would run it, but " + *why} : std::nullopt;
}

} // namespace ostler::config
