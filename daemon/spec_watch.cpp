// SPDX-License-Identifier: MIT
#include "daemon/spec_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ostler
{
namespace
{

using boost::asio::posix::stream_descriptor;

constexpr std::uint32_t folder_events =
    IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::uint32_t folder_lost = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;
constexpr int most_rounds = 10; // while links change under our eyes
constexpr int longest_unrest = 10;

} // namespace

SpecWatch::SpecWatch(boost::asio::any_io_executor executor, std::string path, Changed changed)
    : path_{std::move(path)}, changed_{std::move(changed)}, inotify_{executor}, quiet_{executor}
{
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        note_problem();
        return;
    }
    inotify_.assign(fd);
    follow_path();
    wait();
}

void SpecWatch::note_problem()
{
    problem_ = std::string{"edits of the spec are not seen: "} + std::strerror(errno) +
               " (see fs.inotify.max_user_instances and max_user_watches)";
}

void SpecWatch::wait()
{
    inotify_.async_wait(stream_descriptor::wait_read,
                        alive_.guard([this](boost::system::error_code error) {
                            if (error)
                                return;
                            read();
                            wait();
                        }));
}

void SpecWatch::read()
{
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    const ssize_t size = ::read(inotify_.native_handle(), buffer.data(), buffer.size());
    for (ssize_t at = 0; at < size;) {
        const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
        take(event);
        at += static_cast<ssize_t>(sizeof event + event.len);
    }
}

void SpecWatch::take(const inotify_event& event)
{
    if ((event.mask & IN_Q_OVERFLOW) != 0) { // something happened, nobody knows what
        follow_path();
        return saved();
    }
    const auto folder = watched_.find(event.wd);
    if (folder == watched_.end())
        return; // of a watch that we gave up
    if ((event.mask & folder_lost) != 0)
        return follow_path();
    const auto steps = folder->second; // following the path changes watched_
    for (const PathStep& step : steps)
        if (event.len != 0 && step.name == event.name)
            take_entry(step, event);
}

void SpecWatch::take_entry(const PathStep& step, const inotify_event& event)
{
    if (!step.last) { // a folder, or a link on the way: what it leads to is another file
        follow_path();
        return saved();
    }
    // A new file is not whole yet, unless it is a link: then it was before.
    if ((event.mask & IN_CREATE) != 0 && !settled_by_rename(step))
        return;
    follow_path(); // it may be a link to somewhere else now
    saved();
}

bool SpecWatch::settled_by_rename(const PathStep& step) const
{
    struct stat found {
    };
    return ::lstat((step.folder + "/" + step.name).c_str(), &found) == 0 &&
           (S_ISLNK(found.st_mode) || found.st_nlink > 1);
}

// Looks again after it has put its watches, so that no change falls between looking and watching.
void SpecWatch::follow_path()
{
    problem_.clear();
    auto trail = path_trail(path_);
    for (int round = 0; round < most_rounds; ++round) {
        auto watched = watch(trail);
        for (const auto& [number, steps] : std::exchange(watched_, std::move(watched)))
            if (!watched_.contains(number))
                ::inotify_rm_watch(inotify_.native_handle(), number);
        auto now = path_trail(path_);
        if (now == trail)
            return;
        trail = std::move(now);
    }
}

// A folder that we may not read, or that has just gone, is left out: those above it are watched.
std::map<int, std::vector<PathStep>> SpecWatch::watch(const std::vector<PathStep>& trail)
{
    std::map<int, std::vector<PathStep>> watched;
    for (const PathStep& step : trail) {
        const int number = ::inotify_add_watch(inotify_.native_handle(), step.folder.c_str(),
                                               folder_events | (step.last ? IN_CLOSE_WRITE : 0u));
        if (number >= 0)
            watched[number].push_back(step);
        else if (errno == ENOSPC)
            note_problem();
    }
    return watched;
}

void SpecWatch::saved()
{
    const auto now = Clock::now();
    if (latest_ == Clock::time_point{})
        latest_ = now + longest_unrest * settle;
    quiet_.expires_at(std::min(now + settle, latest_));
    quiet_.async_wait(alive_.guard([this](boost::system::error_code error) {
        if (error)
            return; // another event put it off
        latest_ = {};
        if (::access(path_.c_str(), F_OK) != 0)
            return;                    // its folder came back, without it so far
        const auto changed = changed_; // it may destroy us
        changed();
    }));
}

} // namespace ostler
