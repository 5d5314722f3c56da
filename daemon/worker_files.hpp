// SPDX-License-Identifier: MIT
// Socket files that are made for workers, with the rights of their user. A folder of theirs may be
// anything at any moment, a link to /etc or a server that does not answer: so neither our rights
// nor the loop's thread go there.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/off_loop.hpp"
#include "daemon/socket_listener.hpp"
#include "ipc/os/alive.hpp"
#include "ipc/os/file_user.hpp"

namespace ostler
{

class WorkerFiles
{
public:
    explicit WorkerFiles(OffLoop& off_loop) : off_loop_{off_loop} {}

    // Binds and listens. With the last copy of the Bound's file goes the file: this object outlives
    // them. `made` is called from the loop, later.
    void bind(const config::Socket& socket, const os::FileUser& user, SocketListener::Rebound made);

private:
    struct Errand {
        std::function<void()> work;          // on a thread with the user's rights
        std::function<void(os::Error)> done; // on the loop; an error: it was not done
        os::FileUser user;
    };
    [[nodiscard]] std::shared_ptr<os::UnixFile> removing(os::UnixFile file, std::string path,
                                                         const os::FileUser& user);
    void add(const std::string& path, Errand errand);
    void begin(const std::string& path);
    void end(const std::string& path, os::Error error);

    OffLoop& off_loop_;
    std::map<std::string, std::deque<Errand>> errands_; // of each path, one after the other
    os::Alive alive_;
};

} // namespace ostler
