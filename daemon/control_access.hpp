// SPDX-License-Identifier: MIT
// Who is at the other end of a control connection, and what they may do. By what the kernel says,
// never by what they say.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "config/spec.hpp"
#include "daemon/control_scope.hpp"
#include "ipc/control/role.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

struct Peer {
    pid_t pid = 0; // for the audit line only: numbers are reused
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::shared_ptr<const ControlScope> scope; // a controller of the spec; null: anybody else
};

[[nodiscard]] std::string to_string(const Peer& peer); // for the log

[[nodiscard]] std::optional<Peer> peer_of(os::FdRef connection);

// Root and the daemon's own user administer, and controllers within their scope; others have what
// the spec gives them.
[[nodiscard]] control::Role role_of(const Peer& peer, const config::Control& access,
                                    uid_t daemon_user);

// Whether the spec gives anybody else a role: then anybody may connect, and is asked who he is.
[[nodiscard]] bool open_to_others(const config::Control& access, uid_t daemon_user);

} // namespace ostler
