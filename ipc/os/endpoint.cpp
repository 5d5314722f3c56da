// SPDX-License-Identifier: MIT
#include "ipc/os/endpoint.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace ostler::os
{
namespace
{

constexpr std::size_t name_offset = offsetof(sockaddr_un, sun_path);

std::string numeric(const Endpoint& endpoint)
{
    char host[NI_MAXHOST] = "";
    char port[NI_MAXSERV] = "";
    if (::getnameinfo(endpoint.address(), endpoint.size(), host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    const std::string name{host};
    return (endpoint.family() == AF_INET6 ? "[" + name + "]" : name) + ":" + port;
}

} // namespace

std::optional<Endpoint> Endpoint::ip(const std::string& host, std::uint16_t port,
                                     Transport transport)
{
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return std::nullopt;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, ::freeaddrinfo};
    Endpoint endpoint;
    std::memcpy(&endpoint.address_, found->ai_addr, found->ai_addrlen);
    endpoint.size_ = found->ai_addrlen;
    endpoint.transport_ = transport;
    return endpoint;
}

std::optional<Endpoint> Endpoint::unix_name(std::string_view bytes)
{
    sockaddr_un name{};
    if (bytes.empty() || bytes.size() >= sizeof name.sun_path)
        return std::nullopt;
    Endpoint endpoint;
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, bytes.data(), bytes.size());
    std::memcpy(&endpoint.address_, &name, sizeof name);
    // An abstract name has no end but its length; a path ends with a zero byte.
    const std::size_t zero = bytes.front() == '\0' ? 0 : 1;
    endpoint.size_ = static_cast<socklen_t>(name_offset + bytes.size() + zero);
    return endpoint;
}

std::optional<Endpoint> Endpoint::unix_path(std::string_view path)
{
    return unix_name(path);
}

std::optional<Endpoint> Endpoint::unix_abstract(std::string_view name)
{
    if (name.empty())
        return std::nullopt;
    return unix_name(std::string{'\0'}.append(name));
}

Result<Endpoint> Endpoint::of(FdRef socket)
{
    Endpoint endpoint;
    endpoint.size_ = sizeof endpoint.address_;
    int type = 0;
    socklen_t type_size = sizeof type;
    auto* address = reinterpret_cast<sockaddr*>(&endpoint.address_);
    if (::getsockname(socket.get(), address, &endpoint.size_) != 0 ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &type_size) != 0)
        return last_error();
    endpoint.transport_ = type == SOCK_DGRAM ? Transport::datagram : Transport::stream;
    return endpoint;
}

const sockaddr* Endpoint::address() const
{
    return reinterpret_cast<const sockaddr*>(&address_);
}

bool Endpoint::abstract() const
{
    return family() == AF_UNIX && size_ > name_offset && address()->sa_data[0] == '\0';
}

std::uint16_t Endpoint::port() const
{
    if (family() == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in*>(&address_)->sin_port);
    if (family() == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&address_)->sin6_port);
    return 0;
}

std::string Endpoint::path() const
{
    if (family() != AF_UNIX || size_ <= name_offset)
        return {};
    const char* name = reinterpret_cast<const char*>(&address_) + name_offset;
    const std::size_t size = size_ - name_offset;
    return abstract() ? std::string(name + 1, size - 1) : std::string(name, ::strnlen(name, size));
}

std::string Endpoint::text() const
{
    if (family() == AF_UNIX)
        return (abstract() ? "unix:@" : "unix:") + path();
    return (transport_ == Transport::datagram ? "udp://" : "tcp://") + numeric(*this);
}

} // namespace ostler::os
