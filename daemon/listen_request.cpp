// SPDX-License-Identifier: MIT
#include "daemon/listen_request.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <unistd.h>

#include "config/address.hpp"
#include "config/listen_allow.hpp"
#include "config/scalars.hpp"
#include "ipc/text/utf8.hpp"

namespace ostler
{
namespace
{

constexpr std::uint32_t longest_backlog = 65535;

// "tcp://*:80" is every address that the machine has, as in so many libraries.
std::string without_star(const std::string& address)
{
    const bool star = address.starts_with("tcp://*:") || address.starts_with("udp://*:");
    return star ? address.substr(0, 6) + "[::]" + address.substr(7) : address;
}

// It will stand in logs and in events.
bool is_a_line(const std::string& text)
{
    return !text::first_byte_not_text(text) &&
           std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::uint16_t first_free_port()
{
    std::ifstream file{"/proc/sys/net/ipv4/ip_unprivileged_port_start"};
    unsigned port = 1024;
    file >> port;
    return static_cast<std::uint16_t>(std::min(port, 65535U));
}

std::string name_of(const config::Socket& socket, std::uint32_t index)
{
    std::string name = config::text_of(socket.listen);
    if (name.ends_with(":0") && socket.listen.port == 0 && !socket.listen.host.empty())
        name += "#" + std::to_string(index);
    return socket.v6only ? name + " (IPv6 only)" : name;
}

} // namespace

std::optional<int> inherited_number(const std::string& address)
{
    constexpr int most = 1 << 20;
    if (!address.starts_with("fd:"))
        return std::nullopt;
    const auto number = config::parse_whole(address.substr(3));
    return number && *number >= 0 && *number < most ? static_cast<int>(*number) : -1;
}

std::variant<config::Socket, ipc::Refusal> read_listen_request(const ipc::Wanted& wanted,
                                                               const config::Program& program)
{
    const std::string text = without_star(wanted.address);
    if (!is_a_line(text))
        return ipc::Refusal{EINVAL, "an address is text in UTF-8 without control characters"};
    const auto address = config::parse_address(text, {});
    if (!address)
        return ipc::Refusal{EINVAL, address.wrong()};
    if (address->family == config::Address::Family::inherited)
        return ipc::Refusal{EINVAL, "a socket that was passed to the daemon is asked for by the "
                                    "name that the spec gives it, or by fd:NUMBER"};
    const bool has_path = address->family == config::Address::Family::unix_path;
    if (has_path && !address->path.starts_with('/'))
        return ipc::Refusal{EINVAL, "a worker says the whole path of a Unix socket, from /"};
    if (wanted.v6only && address->host.find(':') == std::string::npos)
        return ipc::Refusal{EINVAL, "only an IPv6 address can be for IPv6 only"};
    config::Socket socket;
    socket.listen = *address;
    socket.v6only = wanted.v6only;
    socket.scheduling = program.asked_scheduling;
    if (wanted.backlog != 0)
        socket.backlog = static_cast<int>(std::min(wanted.backlog, longest_backlog));
    socket.name = name_of(socket, wanted.index);
    return socket;
}

std::variant<std::monostate, ipc::Refusal> judge_listen_request(const config::Socket& wanted,
                                                                const config::Program& program)
{
    const uid_t user = program.user ? program.user->uid : ::geteuid();
    const config::Asker asker{.user = user, .first_free_port = first_free_port()};
    if (auto why = config::forbidden(program.listen_allow, wanted.listen, asker))
        return ipc::Refusal{EACCES, "not allowed to bind " + config::text_of(wanted.listen) + ": " +
                                        *std::move(why)};
    return {};
}

} // namespace ostler
