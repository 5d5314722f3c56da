// SPDX-License-Identifier: MIT
// The file of a Unix socket: who may connect, who may take it over, and its end.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "ipc/os/endpoint.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"

namespace ostler::os
{

// Unset: as the umask and the process's ids make it.
struct FileAccess {
    std::optional<mode_t> mode;
    std::optional<uid_t> owner;
    std::optional<gid_t> group;
};

// Removes the file at its end, if it is still the one that was made here.
class UnixFile
{
public:
    UnixFile() = default;
    [[nodiscard]] static Result<UnixFile> at(std::string path); // the socket file that is there now
    UnixFile(UnixFile&& other) noexcept;
    UnixFile& operator=(UnixFile&& other) noexcept;
    ~UnixFile() { remove(); }

    void remove(); // now
    void keep() { path_.clear(); }
    [[nodiscard]] Result<void> set_access(const FileAccess& access) const;

private:
    std::string path_; // empty: none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

// Makes the path free for a bind: removes a socket file that nobody listens on any more.
// address_in_use: somebody does; file_exists: what is there is not a socket.
[[nodiscard]] Result<void> clear_stale(const Endpoint& where);

// Binds (without listening yet, so that nobody can connect before the file is as it shall be).
[[nodiscard]] Result<UnixFile> bind_file(FdRef socket, const Endpoint& where,
                                         const FileAccess& access);

} // namespace ostler::os
