// SPDX-License-Identifier: MIT
// sockets: {NAME: {listen: ADDRESS, …}}
#include <algorithm>
#include <array>

#include "config/address.hpp"
#include "config/lookup.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

void read_listen(const Cursor& at, Socket& socket)
{
    const auto text = at.text("an address like tcp://127.0.0.1:8080");
    if (!text)
        return;
    const auto address = parse_address(*text, at.reading().folder);
    if (address)
        socket.listen = *address;
    else
        at.complain(address.wrong());
}

void read_owner(const Cursor& at, Socket& socket)
{
    const auto name = at.text("the name of a user");
    if (!name)
        return;
    const auto user = find_user(*name);
    if (user)
        socket.owner = user->uid;
    else
        at.complain(user.wrong());
}

void read_group(const Cursor& at, Socket& socket)
{
    const auto name = at.text("the name of a group");
    if (!name)
        return;
    const auto group = find_group(*name);
    if (group)
        socket.group = *group;
    else
        at.complain(group.wrong());
}

void read_socket_mode(const Cursor& at, Socket& socket)
{
    read_mode(at, socket.mode.emplace());
}

constexpr auto seconds_from = Duration{1s};

// The kernel counts whole seconds.
void read_defer_accept(const Cursor& at, Socket& socket)
{
    read(at, socket.defer_accept);
    if (socket.defer_accept % seconds_from != Duration{0})
        at.complain("the kernel counts in whole seconds here: write 1s or more");
}

void read_patience(const Cursor& at, Socket& socket)
{
    read_positive_duration(at, socket.patience);
}

constexpr Key<Socket> keys[] = {
    {"listen", read_listen},
    {"scheduling", member<&Socket::scheduling>},
    {"backlog", whole<&Socket::backlog, 1, 65535>},
    {"v6only", member<&Socket::v6only>},
    {"keepalive", member<&Socket::keepalive>},
    {"nodelay", member<&Socket::nodelay>},
    {"defer_accept", read_defer_accept},
    {"overflow", member<&Socket::overflow>},
    {"patience", read_patience},
    {"mode", read_socket_mode},
    {"owner", read_owner},
    {"group", read_group},
};

// Keys that mean something for some addresses only.
struct Applies {
    std::string_view key;
    bool (*to)(const Address& address);
    const char* what;
};
bool to_tcp(const Address& address)
{
    return address.family == Address::Family::tcp;
}
bool to_files(const Address& address)
{
    return address.family == Address::Family::unix_path;
}
bool to_streams(const Address& address)
{
    return address.family != Address::Family::udp;
}
bool to_what_we_bind(const Address& address)
{
    return address.family != Address::Family::inherited;
}
bool to_v6(const Address& address)
{
    return address.host.find(':') != std::string::npos;
}
constexpr std::array applies{
    Applies{"v6only", to_v6, "an IPv6 address"},
    Applies{"keepalive", to_tcp, "a TCP socket"},
    Applies{"nodelay", to_tcp, "a TCP socket"},
    Applies{"defer_accept", to_tcp, "a TCP socket"},
    Applies{"mode", to_files, "a Unix socket with a path"},
    Applies{"owner", to_files, "a Unix socket with a path"},
    Applies{"group", to_files, "a Unix socket with a path"},
    Applies{"backlog", to_streams, "a socket that accepts connections, not UDP"},
    Applies{"backlog", to_what_we_bind, "a socket that is bound here; systemd's has Backlog="},
    Applies{"overflow", to_streams, "a socket that accepts connections, not UDP"},
    Applies{"patience", to_streams, "a socket that accepts connections, not UDP"},
};

void refuse_what_does_not_apply(const Cursor& at, const Socket& socket)
{
    for (const Applies& rule : applies)
        if (at.has(rule.key) && !rule.to(socket.listen))
            at.nearest({rule.key})
                .complain_of_key(fmt::format("is only for {}: remove it", rule.what));
}

Socket read_socket(const Cursor& at)
{
    Socket socket;
    socket.place = at.key_place();
    if (!read_name(at, socket.name))
        socket.name = at.key();
    read_map<Socket>(at, socket, keys);
    if (at.kind() == Value::Kind::map && !at.has("listen"))
        at.complain_of_key("`listen` is missing: say where, like listen: \"tcp://127.0.0.1:8080\"");
    if (!socket.listen.text.empty())
        refuse_what_does_not_apply(at, socket);
    return socket;
}

} // namespace

bool read_name(const Cursor& at, std::string& name)
{
    const bool valid = valid_name(at.key());
    if (valid)
        name = at.key();
    else
        at.complain_of_key("a name begins with a letter from a to z, goes on with letters, digits, "
                           "_ and -, and has at most 64 of them");
    return valid;
}

bool too_many(const Cursor& at)
{
    const bool many = at.node().entries.size() > most_of_a_kind;
    if (many)
        at.complain_of_key(fmt::format("has more than {} entries", most_of_a_kind));
    return many;
}

std::vector<Socket> read_sockets(const Cursor& at)
{
    std::vector<Socket> sockets;
    if (too_many(at))
        return sockets;
    for (const Cursor& entry : at.entries("a map of sockets"))
        sockets.push_back(read_socket(entry));
    return sockets;
}

} // namespace ostler::config
