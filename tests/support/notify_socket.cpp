// SPDX-License-Identifier: MIT
#include "tests/support/notify_socket.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>

namespace ostler::test
{

NotifySocket::NotifySocket(const std::string& path)
    : socket_{os::adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}
{
    sockaddr_un name{.sun_family = AF_UNIX};
    std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (path[0] == '@')
        name.sun_path[0] = '\0';
    else
        ++size; // the NUL is part of a path
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0)
        throw std::runtime_error("cannot bind " + path);
}

void NotifySocket::collect()
{
    char buffer[4096];
    for (ssize_t got; (got = ::recv(socket_.get(), buffer, sizeof buffer, 0)) > 0;) {
        std::istringstream text{std::string(buffer, static_cast<std::size_t>(got))};
        for (std::string line; std::getline(text, line);)
            lines_.push_back(line);
    }
}

const std::vector<std::string>& NotifySocket::heard()
{
    collect();
    return lines_;
}

bool NotifySocket::hears(const std::string& line, Milliseconds within)
{
    const auto deadline = Clock::now() + within;
    const auto came = [&] {
        (void)heard(); // reads what has come, and may move what is there
        return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    };
    while (!came()) {
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
        pollfd one{socket_.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) <= 0)
            return false;
    }
    return true;
}

} // namespace ostler::test
