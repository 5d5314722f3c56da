// SPDX-License-Identifier: MIT
#include "config/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <filesystem>
#include <fmt/format.h>

#include "config/problems.hpp"
#include "config/scalars.hpp"

namespace ostler::config
{

namespace
{

constexpr const char* forms =
    "write tcp://HOST:PORT, udp://HOST:PORT, unix:/PATH, unix:@NAME or systemd:NAME";

// As the kernel writes it, so that two spellings of one address are equal; empty if it is none.
std::string canonical(int family, const std::string& host)
{
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_pton(family, host.c_str(), bytes.data()) != 1)
        return {};
    return ::inet_ntop(family, bytes.data(), text.data(), text.size());
}

Parsed<std::string> parse_host(std::string_view host)
{
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    const std::string inside{bracketed ? host.substr(1, host.size() - 2) : host};
    const std::string found = canonical(bracketed ? AF_INET6 : AF_INET, inside);
    if (!found.empty())
        return found;
    if (host.empty() || host == "*")
        return Wrong{"the host is missing: write 0.0.0.0 for every IPv4 address of this machine, "
                     "[::] for every address"};
    if (!bracketed && !canonical(AF_INET6, inside).empty())
        return Wrong{fmt::format("an IPv6 address is written in brackets: [{}]", inside)};
    return Wrong{fmt::format("{} is not an address in numbers: write one like 127.0.0.1 or [::1], "
                             "names are not looked up",
                             quote(host))};
}

Parsed<Address> parse_network(Address::Family family, std::string_view rest)
{
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos || rest.ends_with(']'))
        return Wrong{fmt::format("the port is missing after {}: add :PORT, or :0 for any free one",
                                 quote(rest))};
    const auto port = parse_whole(rest.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535)
        return Wrong{fmt::format("expected a port from 0 to 65535, found {}",
                                 quote(rest.substr(colon + 1)))};
    const auto host = parse_host(rest.substr(0, colon));
    if (!host)
        return Wrong{host.wrong()};
    return Address{.family = family, .host = *host, .port = static_cast<std::uint16_t>(*port)};
}

Parsed<Address> parse_unix(std::string_view rest, const std::string& folder)
{
    if (rest.starts_with("///")) // unix:///run/x, as URLs have it
        rest.remove_prefix(2);
    const bool is_abstract = rest.starts_with('@');
    if (rest.size() <= (is_abstract ? 1U : 0U))
        return Wrong{"the path is missing: write unix:/run/app.sock, or unix:@name"};
    if (is_abstract && rest.size() - 1 > longest_unix_path)
        return Wrong{fmt::format("the name is longer than {} bytes", longest_unix_path)};
    if (is_abstract)
        return Address{.family = Address::Family::unix_abstract,
                       .path = std::string{rest.substr(1)}};
    Address address{.family = Address::Family::unix_path, .path = absolute(rest, folder)};
    if (address.path.size() > longest_unix_path)
        return Wrong{fmt::format("{} is longer than the {} bytes that the path of a Unix socket "
                                 "may have",
                                 quote(address.path), longest_unix_path)};
    return address;
}

// What FileDescriptorName= may be, see systemd.socket(5).
Parsed<Address> parse_inherited(std::string_view name)
{
    constexpr std::size_t longest = 255;
    const bool fits =
        !name.empty() && name.size() <= longest &&
        std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c < 0x7f && c != ':'; });
    if (fits)
        return Address{.family = Address::Family::inherited, .path = std::string{name}};
    return Wrong{fmt::format("{} is not a name that systemd gives to sockets: write the one of "
                             "FileDescriptorName= in the socket unit, or of the unit itself",
                             quote(name))};
}

Parsed<Address> parse_scheme(std::string_view text, const std::string& folder)
{
    if (text.starts_with("tcp://"))
        return parse_network(Address::Family::tcp, text.substr(6));
    if (text.starts_with("udp://"))
        return parse_network(Address::Family::udp, text.substr(6));
    if (text.starts_with("unix:"))
        return parse_unix(text.substr(5), folder);
    if (text.starts_with("systemd:"))
        return parse_inherited(text.substr(8));
    return Wrong{fmt::format("{} is not an address: {}", quote(text), forms)};
}

bool is_v6(const Socket& socket)
{
    return socket.listen.host.find(':') != std::string::npos;
}

bool takes_all_of(const Socket& any, const Socket& other)
{
    if (any.listen.host == "::")
        return is_v6(other) || !any.v6only;
    return any.listen.host == "0.0.0.0" && !is_v6(other);
}

} // namespace

Parsed<Address> parse_address(std::string_view text, const std::string& folder)
{
    auto parsed = parse_scheme(text, folder);
    if (!parsed)
        return parsed;
    Address address = *parsed;
    address.text = text;
    return address;
}

std::string text_of(const Address& address)
{
    using Family = Address::Family;
    const bool v6 = address.host.find(':') != std::string::npos;
    switch (address.family) {
    case Family::tcp:
    case Family::udp:
        return fmt::format("{}://{}{}{}:{}", address.family == Family::tcp ? "tcp" : "udp",
                           v6 ? "[" : "", address.host, v6 ? "]" : "", address.port);
    case Family::unix_path:
        return "unix:" + address.path;
    case Family::unix_abstract:
        return "unix:@" + address.path;
    case Family::inherited:
        break;
    }
    return "systemd:" + address.path;
}

bool clash(const Socket& a, const Socket& b)
{
    const bool network = !a.listen.host.empty();
    if (a.listen.family != b.listen.family || (network && a.listen.port == 0))
        return false;
    if (a.listen == b.listen)
        return true;
    return a.listen.family == Address::Family::tcp && a.listen.port == b.listen.port &&
           (takes_all_of(a, b) || takes_all_of(b, a));
}

std::string absolute(std::string_view path, const std::string& folder)
{
    return (std::filesystem::path{folder} / path).lexically_normal().string();
}

} // namespace ostler::config
