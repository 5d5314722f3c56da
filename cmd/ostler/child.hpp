// SPDX-License-Identifier: MIT
// ostlerd, started by the command line: where it is, and how to hear what becomes of it.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "ipc/os/fd.hpp"

namespace ostler::cli
{

// Beside this program, or in ../sbin: the same rule in a build tree and when installed.
[[nodiscard]] std::string ostlerd_path();

// From our signals: those of the keyboard, or all of the terminal.
enum class Apart { group, session };

struct ChildPlan {
    std::vector<std::string> args; // after the program's name
    std::vector<std::string> env;  // beside our own, "K=V"
    std::optional<std::string>
        log; // stdout and stderr are appended to it, stdin is empty; else all are ours
    Apart apart = Apart::group;
};

// The pid, or a sentence why not.
struct Child {
    pid_t pid = -1;
    std::string problem;
};
[[nodiscard]] Child spawn_ostlerd(const ChildPlan& plan);

// The notify socket of a service manager, for one child: hears READY=1 and STATUS=.
class NotifySocket
{
public:
    NotifySocket(); // check valid()
    [[nodiscard]] bool valid() const { return socket_.valid(); }
    [[nodiscard]] const std::string& address() const { return address_; } // for NOTIFY_SOCKET
    [[nodiscard]] int fd() const { return socket_.get(); }
    // One message, if `from` sent it; others are nobody we know.
    [[nodiscard]] std::optional<std::string> receive(pid_t from) const;

private:
    os::UniqueFd socket_;
    std::string address_;
};

} // namespace ostler::cli
