// SPDX-License-Identifier: MIT
// The control socket's path, held by one daemon at a time: a lock beside it (PATH.lock, with the
// pid of the keeper in it) and the listening socket. Both files are removed at the end.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "ipc/os/fd.hpp"

namespace ostler
{

class ControlSocket
{
public:
    enum class Reach {
        own,      // the daemon's user and root
        everyone, // who may do what is decided by the roles
    };
    struct Failure {
        int exit = 0; // for the process: "already running" is another one than "cannot"
        std::string sentence;
    };
    // Makes the folder where it is missing, takes the lock, replaces what a dead daemon left.
    [[nodiscard]] static std::optional<ControlSocket> open(std::string path, Reach reach,
                                                           pid_t keeper, Failure& failure);
    // From descriptors that exist already.
    [[nodiscard]] static ControlSocket adopt(std::string path, os::UniqueFd listening,
                                             os::UniqueFd lock);
    ControlSocket(ControlSocket&&) = default;
    ControlSocket& operator=(ControlSocket&&) = delete;
    ~ControlSocket();

    void set_reach(Reach reach); // after a reload
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] os::FdRef listening() const { return listening_.borrow(); }
    [[nodiscard]] os::FdRef lock() const { return lock_.borrow(); }

private:
    ControlSocket(std::string path, os::UniqueFd listening, os::UniqueFd lock);

    std::string path_;
    os::UniqueFd listening_;
    os::UniqueFd lock_;
};

} // namespace ostler
