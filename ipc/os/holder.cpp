// SPDX-License-Identifier: MIT
#include "ipc/os/holder.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <string_view>

namespace ostler::os
{
namespace
{

namespace fs = std::filesystem;
using Ip = std::array<unsigned char, 16>; // IPv4 as ::ffff:a.b.c.d

constexpr Ip mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Ip ip_of(const Endpoint& endpoint)
{
    Ip ip = mapped_prefix;
    if (endpoint.family() == AF_INET6)
        std::memcpy(ip.data(),
                    &reinterpret_cast<const sockaddr_in6*>(endpoint.address())->sin6_addr,
                    ip.size());
    else
        std::memcpy(ip.data() + 12,
                    &reinterpret_cast<const sockaddr_in*>(endpoint.address())->sin_addr, 4);
    return ip;
}

// The kernel prints an address as 32-bit words of the machine, each in hex.
std::optional<Ip> parse_ip(std::string_view hex)
{
    if (hex.size() != 8 && hex.size() != 32)
        return std::nullopt;
    Ip ip = mapped_prefix;
    const std::size_t start = hex.size() == 8 ? 12 : 0;
    for (std::size_t i = 0; i * 8 < hex.size(); ++i) {
        const auto word = static_cast<std::uint32_t>(
            std::strtoul(std::string{hex.substr(i * 8, 8)}.c_str(), nullptr, 16));
        std::memcpy(ip.data() + start + i * 4, &word, 4);
    }
    return ip;
}

bool wildcard(const Ip& ip)
{
    return ip == Ip{} || ip == mapped_prefix;
}

bool collide(const Ip& one, const Ip& other)
{
    return one == other || wildcard(one) || wildcard(other);
}

// The inode from a line of /proc/net/{tcp,tcp6,udp,udp6} whose local address is in our way.
std::optional<std::string> match_ip(std::istringstream line, const Endpoint& wanted)
{
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    line >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
        timeout >> inode;
    constexpr const char* listening = "0A";
    const std::size_t colon = local.find(':');
    if (inode.empty() || colon == std::string::npos ||
        (wanted.transport() == Transport::stream && state != listening))
        return std::nullopt;
    const auto ip = parse_ip(std::string_view{local}.substr(0, colon));
    const unsigned long port = std::strtoul(local.c_str() + colon + 1, nullptr, 16);
    if (!ip || port != wanted.port() || !collide(*ip, ip_of(wanted)))
        return std::nullopt;
    return inode;
}

std::optional<std::string> match_unix(std::istringstream line, const Endpoint& wanted)
{
    std::string pointer, references, protocol, flags, type, state, inode, path;
    line >> pointer >> references >> protocol >> flags >> type >> state >> inode >> std::ws;
    std::getline(line, path); // a path may hold blanks
    constexpr const char* listening = "00010000";
    if (flags != listening || path != (wanted.abstract() ? "@" : "") + wanted.path())
        return std::nullopt;
    return inode;
}

template <typename Match>
std::optional<std::string> inode_in(const char* table, const Endpoint& wanted, Match match)
{
    std::ifstream file{table};
    std::string line;
    std::getline(file, line); // the heading
    while (std::getline(file, line))
        if (auto inode = match(std::istringstream{line}, wanted))
            return inode;
    return std::nullopt;
}

std::optional<std::string> inode_of(const Endpoint& wanted)
{
    if (wanted.family() == AF_UNIX)
        return inode_in("/proc/net/unix", wanted, match_unix);
    const bool datagram = wanted.transport() == Transport::datagram;
    if (auto inode = inode_in(datagram ? "/proc/net/udp" : "/proc/net/tcp", wanted, match_ip))
        return inode;
    return inode_in(datagram ? "/proc/net/udp6" : "/proc/net/tcp6", wanted, match_ip);
}

bool holds(const fs::path& process, const std::string& link)
{
    std::error_code error; // it may end, or be somebody else's, at any moment
    for (fs::directory_iterator fd{process / "fd", error}, end; !error && fd != end;
         fd.increment(error))
        if (fs::read_symlink(fd->path(), error) == link)
            return true;
    return false;
}

std::string name_of(pid_t pid)
{
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name;
}

pid_t pid_from(const fs::path& entry)
{
    const std::string name = entry.filename();
    const bool number =
        std::all_of(name.begin(), name.end(), [](char c) { return '0' <= c && c <= '9'; });
    return number ? static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)) : 0;
}

} // namespace

std::optional<Holder> holder_of(const Endpoint& endpoint)
{
    const auto inode = inode_of(endpoint);
    if (!inode)
        return std::nullopt;
    const std::string link = "socket:[" + *inode + "]";
    Holder found;
    std::error_code error;
    for (fs::directory_iterator entry{"/proc", error}, end; !error && entry != end;
         entry.increment(error)) {
        const pid_t pid = pid_from(entry->path());
        if (pid > 0 && (found.pid == 0 || pid < found.pid) && holds(entry->path(), link))
            found.pid = pid;
    }
    if (found.pid == 0)
        return std::nullopt;
    found.name = name_of(found.pid);
    return found;
}

} // namespace ostler::os
