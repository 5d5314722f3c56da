// SPDX-License-Identifier: MIT
#include "daemon/sockets.hpp"

#include <algorithm>

namespace ostler
{
namespace
{

bool contains(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

config::Scheduling resolved(const config::Socket& socket, bool hand_overs)
{
    if (socket.listen.family == config::Address::Family::udp)
        return config::Scheduling::shared;
    if (socket.scheduling != config::Scheduling::automatic)
        return socket.scheduling;
    return hand_overs ? config::Scheduling::round_robin : config::Scheduling::shared;
}

} // namespace

bool takes_hand_overs(const config::Spec& spec, const std::string& socket)
{
    return std::all_of(spec.pools.begin(), spec.pools.end(), [&](const config::Pool& pool) {
        return pool.program.protocol == config::Protocol::ostler ||
               !contains(pool.program.sockets, socket);
    });
}

std::shared_ptr<Listener> Sockets::bind(const config::Socket& socket, std::string& problem)
{
    Listener::Failure failure;
    std::shared_ptr<Listener> listener = Listener::bind(executor_, socket, failure);
    problem = failure.sentence;
    return listener;
}

// The same socket spread another way: workers that have it keep the old listener until they go.
std::shared_ptr<Listener> Sockets::copy_of(Listener& open, const config::Socket& socket,
                                           std::string& problem)
{
    Listener::Failure failure;
    std::shared_ptr<Listener> listener = open.respread(socket, failure);
    problem = failure.sentence;
    return listener;
}

std::string Sockets::prepare(const config::Spec& next, const config::Difference& difference)
{
    for (const config::Socket& socket : next.sockets) {
        const std::shared_ptr<Listener> open = find(socket.name);
        const bool hand_overs = takes_hand_overs(next, socket.name);
        std::string problem;
        std::shared_ptr<Listener> fresh;
        if (!open || contains(difference.sockets_rebound, socket.name))
            fresh = bind(socket, problem);
        else if (open->scheduling() != resolved(socket, hand_overs))
            fresh = copy_of(*open, socket, problem);
        else
            continue;
        if (!fresh) {
            prepared_.clear();
            return problem;
        }
        fresh->settle(hand_overs);
        prepared_[socket.name] = std::move(fresh);
    }
    return {};
}

void Sockets::commit(const config::Spec& next)
{
    std::map<std::string, std::shared_ptr<Listener>> wanted;
    for (const config::Socket& socket : next.sockets) {
        const auto fresh = prepared_.find(socket.name);
        if (fresh != prepared_.end()) {
            wanted[socket.name] = std::move(fresh->second);
            continue;
        }
        const auto open = open_.find(socket.name);
        open->second->update(socket);
        wanted[socket.name] = open->second;
    }
    prepared_.clear();
    open_ = std::move(wanted);
}

std::shared_ptr<Listener> Sockets::find(const std::string& name) const
{
    const auto found = open_.find(name);
    return found == open_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Listener>> Sockets::in_order_of(const config::Spec& spec) const
{
    std::vector<std::shared_ptr<Listener>> listeners;
    for (const config::Socket& socket : spec.sockets)
        if (auto listener = find(socket.name))
            listeners.push_back(std::move(listener));
    return listeners;
}

void Sockets::stop_accepting()
{
    for (const auto& [name, listener] : open_)
        listener->stop_accepting();
}

} // namespace ostler
