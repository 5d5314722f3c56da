// SPDX-License-Identifier: MIT
#include "tests/support/endpoint.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/un.h>

namespace ostler::test
{

Endpoint::Endpoint(const std::string& text)
{
    if (text.rfind("unix:", 0) == 0) {
        set_unix(text.substr(5));
        return;
    }
    datagram_ = text.rfind("udp://", 0) == 0;
    const auto colon = text.rfind(':');
    if (text.find("://") != 3 || colon < 6)
        throw std::runtime_error("not an address: " + text);
    set_ip(text.substr(6, colon - 6), text.substr(colon + 1));
}

void Endpoint::set_ip(const std::string& host, const std::string& port)
{
    const auto number = htons(static_cast<std::uint16_t>(std::stoi(port)));
    if (host.front() == '[') {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage_);
        *v6 = {.sin6_family = AF_INET6, .sin6_port = number, .sin6_addr = in6addr_loopback};
        if (host != "[::]")
            ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr);
        size_ = sizeof *v6;
        return;
    }
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage_);
    *v4 = {.sin_family = AF_INET, .sin_port = number};
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (host != "0.0.0.0")
        ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr);
    size_ = sizeof *v4;
}

void Endpoint::set_unix(const std::string& path)
{
    auto* local = reinterpret_cast<sockaddr_un*>(&storage_);
    if (path.size() >= sizeof local->sun_path)
        throw std::runtime_error("too long for a Unix socket: " + path);
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, path.data(), path.size());
    const bool abstract = path.front() == '@';
    if (abstract)
        local->sun_path[0] = '\0';
    size_ =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
}

std::uint16_t Endpoint::port() const
{
    if (family() == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
    if (family() == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
    return 0;
}

Endpoint Endpoint::at_port(std::uint16_t port) const
{
    Endpoint other = *this;
    if (family() == AF_INET)
        reinterpret_cast<sockaddr_in*>(&other.storage_)->sin_port = htons(port);
    else
        reinterpret_cast<sockaddr_in6*>(&other.storage_)->sin6_port = htons(port);
    return other;
}

os::UniqueFd Endpoint::make_socket(int flags) const
{
    const int type = (datagram_ ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | flags;
    os::UniqueFd made{os::adopt, ::socket(family(), type, 0)};
    if (!made.valid())
        throw std::runtime_error(std::string{"no socket: "} + std::strerror(errno));
    return made;
}

os::UniqueFd Endpoint::listen() const
{
    os::UniqueFd made = make_socket();
    const int yes = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(made.get(), address(), size_) != 0 ||
        (!datagram_ && ::listen(made.get(), 1024) != 0))
        throw std::runtime_error(std::string{"cannot listen: "} + std::strerror(errno));
    return made;
}

std::uint16_t local_port(os::FdRef socket)
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    if (storage.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    if (storage.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return 0;
}

} // namespace ostler::test
