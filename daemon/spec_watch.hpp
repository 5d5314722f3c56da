// SPDX-License-Identifier: MIT
// Notices that the spec was edited: through its folder, when a file of its name is closed after
// writing or moved into place. A spec that is a link is watched at both ends, and a folder of links
// that is swapped as a whole (`..data`) counts too.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "ipc/os/alive.hpp"

namespace ostler
{

class SpecWatch
{
public:
    // `edited` is called from the loop, once for a burst of changes. Where nothing can be watched
    // (no inotify instance left, the folder is gone) problem() says so.
    SpecWatch(boost::asio::any_io_executor executor, std::string path,
              std::function<void()> edited);

    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    void watch(const std::string& file);
    void watch_all(); // the path, and what it leads to now
    void wait();
    void read_events();
    void settle(); // calls `edited` when nothing has moved for a moment

    std::string path_;
    std::function<void()> edited_;
    std::string problem_;
    std::set<std::string> names_; // in the watched folders
    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer quiet_;
    os::Alive alive_;
};

} // namespace ostler
