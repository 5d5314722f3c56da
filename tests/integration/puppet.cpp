// SPDX-License-Identifier: MIT
#include "tests/integration/puppet.hpp"

#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>

#include "tests/integration/specs.hpp"
#include "tests/support/programs.hpp"

namespace ostler::test
{

std::string puppet_pools(const std::string& names, const std::string& each)
{
    std::string sockets = "sockets:\n";
    std::string pools = "pools:\n";
    std::istringstream words{names};
    for (std::string word; words >> word;) {
        const std::string name = word.substr(0, word.find(':'));
        const std::string count = word == name ? "1" : word.substr(word.find(':') + 1);
        sockets += "  " + name + ": {listen: \"tcp://127.0.0.1:0\"}\n";
        pools += "  " + name + ":\n    exec: " + build_root +
                 "/tests/workers/puppet\n    sockets: [" + name + "]\n    workers: " + count +
                 "\n    stop: {drain: 2s, kill_after: 1s}\n" + indented(each, "    ");
    }
    return sockets + pools;
}

Puppet::Puppet(const Daemon& daemon, const std::string& socket) : Puppet{daemon.at(socket)} {}

Puppet::Puppet(const Endpoint& where) : socket_{where.make_socket()}
{
    if (::connect(socket_.get(), where.address(), where.size()) != 0)
        throw std::runtime_error("no puppet listens there");
    // What comes before the puppet listens to its test is not shown to anybody.
    if (ask("id").empty())
        throw std::runtime_error("the puppet does not answer");
}

std::string Puppet::ask(const std::string& line, Milliseconds within)
{
    say(line);
    return hear(within);
}

void Puppet::say(const std::string& line)
{
    const std::string whole = line + "\n";
    static_cast<void>(::send(socket_.get(), whole.data(), whole.size(), MSG_NOSIGNAL));
}

std::string Puppet::hear(Milliseconds within)
{
    const auto deadline = Clock::now() + within;
    for (auto end = read_.find('\n'); end == std::string::npos; end = read_.find('\n')) {
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
        pollfd one{socket_.get(), POLLIN, 0};
        char space[512];
        if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) != 1)
            return {};
        const ssize_t count = ::recv(socket_.get(), space, sizeof space, MSG_DONTWAIT);
        if (count <= 0)
            return {};
        read_.append(space, static_cast<std::size_t>(count));
    }
    std::string line = read_.substr(0, read_.find('\n'));
    read_.erase(0, line.size() + 1);
    return line;
}

} // namespace ostler::test
