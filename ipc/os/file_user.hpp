// SPDX-License-Identifier: MIT
// With whose rights files are made, looked up and removed.
#pragma once

#include <optional>
#include <sys/types.h>
#include <vector>

#include "ipc/os/result.hpp"

namespace ostler::os
{

struct FileUser {
    struct Ids {
        uid_t user = 0;
        gid_t group = 0;
        std::vector<gid_t> groups;
    };
    std::optional<Ids> ids; // unset: those of this process
    std::optional<mode_t> umask;
};

// From now on the calling thread, and no other, has the rights of `user` in the file system, and a
// umask of its own. For good: it should be a thread that ends soon. Its real and effective ids stay
// ours, so that the user can neither signal nor trace it.
[[nodiscard]] Result<void> act_as(const FileUser& user);

} // namespace ostler::os
