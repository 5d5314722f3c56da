// SPDX-License-Identifier: MIT
#include "ipc/control/address.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/socket.h>
#include <unistd.h>

namespace ostler::control
{

std::string default_path()
{
    if (::geteuid() == 0)
        return "/run/ostler/control.sock";
    const char* runtime = std::getenv("XDG_RUNTIME_DIR"); // unset in cron jobs and after su
    const std::string folder = runtime != nullptr && *runtime != '\0'
                                   ? std::string{runtime}
                                   : "/run/user/" + std::to_string(::geteuid());
    return folder + "/ostler/control.sock";
}

std::optional<sockaddr_un> address_of(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return std::nullopt;
    std::copy(path.begin(), path.end(), address.sun_path);
    return address;
}

std::string bad_path(const std::string& path)
{
    if (path.empty())
        return "the path of the control socket is empty";
    return "the path of the control socket has " + std::to_string(path.size()) +
           " bytes, and a Unix socket's may have 107: choose a shorter one (" + path + ")";
}

} // namespace ostler::control
