// SPDX-License-Identifier: MIT
// The test's end of tests/workers/puppet: says a line, hears a line.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/os/fd.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

// Pools of puppets, each with a socket of the same name: "a b" or "a:2 b".
[[nodiscard]] std::string puppet_pools(const std::string& names, const std::string& each = "");

class Puppet
{
public:
    // The worker that takes the next connection of this socket.
    Puppet(const Daemon& daemon, const std::string& socket);
    explicit Puppet(const Endpoint& where);

    // Its answer; empty when it ended instead, or said nothing for long.
    std::string ask(const std::string& line, Milliseconds within = patience);
    void say(const std::string& line);                // without waiting for the answer
    std::string hear(Milliseconds within = patience); // … which comes here
    [[nodiscard]] std::string id() { return ask("id"); }
    // Its next event.
    std::string next(Milliseconds within = patience)
    {
        return ask("next " + std::to_string(within.count()), within + patience);
    }
    void let_go() { socket_.reset(); } // it goes on by itself

private:
    os::UniqueFd socket_;
    std::string read_;
};

} // namespace ostler::test
