// SPDX-License-Identifier: MIT
#include "ipc/shim/own_socket.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/shim/pieces.hpp"

namespace ostler::shim
{
namespace
{

constexpr std::uint32_t usual_backlog = 1024;
constexpr std::string_view unix_scheme = "unix:";

struct Where {
    sockaddr_storage address{};
    socklen_t size = 0;
    int type = SOCK_STREAM;

    [[nodiscard]] const sockaddr* get() const
    {
        return reinterpret_cast<const sockaddr*>(&address);
    }
    [[nodiscard]] int family() const { return address.ss_family; }
};

bool read_port(std::string_view text, in_port_t& port)
{
    std::uint32_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || number > 65535)
            return false;
        number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    port = htons(static_cast<in_port_t>(number));
    return !text.empty() && number <= 65535;
}

// `host` is "127.0.0.1", "[::1]" or "*".
bool read_host(std::string_view host, in_port_t port, Where& where)
{
    char text[INET6_ADDRSTRLEN + 2] = "::";
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    const std::string_view inside = bracketed ? first(behind(host, 1), host.size() - 2) : host;
    if (inside.size() >= sizeof text)
        return false;
    if (host != "*") {
        std::memcpy(text, inside.data(), inside.size());
        text[inside.size()] = '\0';
    }
    if (bracketed || host == "*") {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(where.address);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = port;
        where.size = sizeof v6;
        return ::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(where.address);
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    where.size = sizeof v4;
    return ::inet_pton(AF_INET, text, &v4.sin_addr) == 1;
}

bool read_network(std::string_view rest, Where& where)
{
    const std::size_t colon = rest.rfind(':');
    in_port_t port = 0;
    return colon != std::string_view::npos && read_port(behind(rest, colon + 1), port) &&
           read_host(first(rest, colon), port, where);
}

bool read_unix(std::string_view name, Where& where)
{
    auto& local = reinterpret_cast<sockaddr_un&>(where.address);
    if (name.size() < 2 || name.size() > sizeof local.sun_path - 1)
        return false;
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, name.data(), name.size());
    const bool abstract = name[0] == '@';
    if (abstract)
        local.sun_path[0] = '\0';
    where.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
    return true;
}

bool read_address(std::string_view text, Where& where)
{
    if (begins_with(text, unix_scheme))
        return read_unix(behind(text, unix_scheme.size()), where);
    where.type = begins_with(text, "udp://") ? SOCK_DGRAM : SOCK_STREAM;
    return (begins_with(text, "tcp://") || begins_with(text, "udp://")) &&
           read_network(behind(text, 6), where);
}

int bind_it(const Where& where, bool v6only, os::UniqueFd& fd)
{
    fd.reset(::socket(where.family(), where.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid())
        return -errno;
    const int yes = 1;
    const int only = v6only ? 1 : 0;
    if (where.family() == AF_INET6)
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (where.family() != AF_UNIX && where.type == SOCK_STREAM)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return ::bind(fd.get(), where.get(), where.size) == 0 ? 0 : -errno;
}

// As ostlerd says it, with the port that was chosen.
void say_address(std::string_view asked, OwnSocket& socket)
{
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "";
    ::getsockname(socket.fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    const char* scheme = socket.datagram ? "udp" : "tcp";
    if (bound.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bound);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        std::snprintf(socket.address, sizeof socket.address, "%s://[%s]:%u", scheme, host,
                      ntohs(v6.sin6_port));
    } else if (bound.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(bound);
        ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        std::snprintf(socket.address, sizeof socket.address, "%s://%s:%u", scheme, host,
                      ntohs(v4.sin_port));
    } else {
        std::snprintf(socket.address, sizeof socket.address, "%.*s", static_cast<int>(asked.size()),
                      asked.data());
    }
}

// A machine without IPv6 has no [::], but every address that there is can still be bound.
int open_what_there_is(std::string_view address, bool v6only, OwnSocket& socket)
{
    Where where;
    if (!read_address(address, where))
        return -EINVAL;
    socket.datagram = where.type == SOCK_DGRAM;
    int rc = bind_it(where, v6only, socket.fd);
    in_port_t port = 0;
    if (rc == -EAFNOSUPPORT && !v6only && begins_with(behind(address, 6), "*:") &&
        read_port(behind(address, 8), port) && read_host("0.0.0.0", port, where))
        rc = bind_it(where, false, socket.fd);
    return rc;
}

} // namespace

int open_own_socket(std::string_view address, bool v6only, std::uint32_t backlog, OwnSocket& socket)
{
    if (address.size() >= sizeof socket.address)
        return -EINVAL;
    if (const int rc = open_what_there_is(address, v6only, socket); rc < 0)
        return rc;
    say_address(address, socket);
    const auto waiting = static_cast<int>(std::min(backlog == 0 ? usual_backlog : backlog, 65535u));
    if (socket.datagram || ::listen(socket.fd.get(), waiting) == 0)
        return 0;
    const int error = errno; // two may bind with SO_REUSEADDR; the second cannot listen
    remove_file_of(socket.address);
    return -error;
}

void remove_file_of(const char* address)
{
    const std::string_view text{address};
    if (begins_with(text, unix_scheme) && text.size() > unix_scheme.size() &&
        text[unix_scheme.size()] == '/')
        ::unlink(address + unix_scheme.size());
}

} // namespace ostler::shim
