// SPDX-License-Identifier: MIT
// Sockets that puppets ask for.
#pragma once

#include <boost/json.hpp>
#include <set>
#include <string>

#include "tests/integration/puppet.hpp"
#include "tests/support/endpoint.hpp"

namespace ostler::test
{

constexpr const char* any_port = "tcp://127.0.0.1:0";

// What a puppet answered to `listen`.
struct Asked {
    std::string answer; // "ok 1 tcp://127.0.0.1:40123", or "rc=-98 …"

    [[nodiscard]] bool ok() const { return answer.starts_with("ok "); }
    [[nodiscard]] std::string number() const { return answer.substr(3, answer.rfind(' ') - 3); }
    [[nodiscard]] std::string address() const { return answer.substr(answer.rfind(' ') + 1); }
    [[nodiscard]] Endpoint where() const { return Endpoint{address()}; }
    [[nodiscard]] int rc() const { return std::stoi(answer.substr(3)); }
};

inline Asked listen(Puppet& puppet, const std::string& address, const std::string& how = "")
{
    return {puppet.ask("listen " + address + " " + how)};
}

inline bool takes_connections(const Endpoint& where)
{
    const os::UniqueFd socket = where.make_socket();
    return ::connect(socket.get(), where.address(), where.size()) == 0;
}

// The workers that answer there, when so many ask one after the other.
inline std::set<std::string> who_serves(const Endpoint& where, int times = 4)
{
    std::set<std::string> ids;
    for (int i = 0; i < times; ++i)
        ids.insert(Puppet{where}.id());
    return ids;
}

// A row of the sockets that workers asked for; null when there is none at this address.
inline boost::json::value asked_socket(const Daemon& daemon, const std::string& address)
{
    const boost::json::value status = daemon.status();
    for (const auto& socket : status.at("sockets").as_array())
        if (!socket.at("asked_by").is_null() && socket.at("address").as_string() == address)
            return socket;
    return nullptr;
}

} // namespace ostler::test
