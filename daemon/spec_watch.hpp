// SPDX-License-Identifier: MIT
// Says when the spec was saved: closed after writing, or renamed into place, also where symbolic
// links lead to it (the `..data` of Kubernetes), and when its folder was replaced or comes back.
// Saving in several steps is one event.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "daemon/path_trail.hpp"
#include "ipc/os/alive.hpp"

struct inotify_event;

namespace ostler
{

class SpecWatch
{
public:
    using Changed = std::function<void()>;
    static constexpr std::chrono::milliseconds settle{100};

    // `changed` is called from the loop, never from within here; it may destroy the watch.
    SpecWatch(boost::asio::any_io_executor executor, std::string path, Changed changed);

    // Why edits are not seen, when the kernel has no watches left for us; else empty.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    using Clock = std::chrono::steady_clock;

    void wait();
    void read();
    void take(const inotify_event& event);
    void take_entry(const PathStep& step, const inotify_event& event);
    void follow_path();
    [[nodiscard]] std::map<int, std::vector<PathStep>> watch(const std::vector<PathStep>& trail);
    void saved();
    void note_problem();
    [[nodiscard]] bool settled_by_rename(const PathStep& step) const;

    std::string path_;
    Changed changed_;
    std::string problem_;
    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer quiet_;
    Clock::time_point latest_{}; // a file that is saved all the time is read now and then all the
                                 // same; zero: nothing is waiting
    std::map<int, std::vector<PathStep>> watched_; // by watch number, which is never used again
    os::Alive alive_;
};

} // namespace ostler
