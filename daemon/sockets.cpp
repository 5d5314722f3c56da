// SPDX-License-Identifier: MIT
#include "daemon/sockets.hpp"

#include <algorithm>
#include <fcntl.h>

namespace ostler
{
namespace
{

bool contains(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// As `listener` settles it. Whether one that was passed to us is for datagrams no spec says.
config::Scheduling resolved(const config::Socket& socket, const Listener& listener, bool hand_overs)
{
    if (listener.datagram())
        return config::Scheduling::shared;
    if (socket.scheduling != config::Scheduling::automatic)
        return socket.scheduling;
    return hand_overs ? config::Scheduling::round_robin : config::Scheduling::shared;
}

} // namespace

bool takes_hand_overs(const config::Spec& spec, const std::string& socket)
{
    return std::all_of(spec.pools.begin(), spec.pools.end(), [&](const config::Pool& pool) {
        return config::abilities_of(pool.program.protocol).hand_overs ||
               !contains(pool.program.sockets, socket);
    });
}

// What goes with this change, or has only workers of earlier generations.
std::vector<os::FdRef> Sockets::leaving(const config::Difference& difference) const
{
    std::vector<os::FdRef> sockets;
    for (const auto& [name, history] : open_) {
        const bool goes = contains(difference.sockets_removed, name) ||
                          contains(difference.sockets_rebound, name);
        for (const Since& since : history)
            if (since.listener && (goes || since.listener != history.back().listener))
                sockets.push_back(since.listener->descriptor());
    }
    return sockets;
}

std::shared_ptr<Listener> Sockets::bind(const config::Socket& socket,
                                        const config::Difference& difference, std::string& problem)
{
    if (socket.listen.family == config::Address::Family::inherited)
        return take_over(socket, problem);
    Listener::Failure failure;
    std::shared_ptr<Listener> listener =
        Listener::bind(executor_, socket, failure, leaving(difference));
    problem = failure.sentence;
    return listener;
}

// A copy: ours stays, as nobody could pass it to us again.
std::shared_ptr<Listener> Sockets::take_over(const config::Socket& socket, std::string& problem)
{
    const auto found = inherited_.find(socket.listen.path);
    if (const auto* why = std::get_if<std::string>(&found)) {
        problem = "socket " + socket.name + ": " + *why;
        return nullptr;
    }
    os::UniqueFd copy{os::adopt, ::fcntl(std::get<os::FdRef>(found).get(), F_DUPFD_CLOEXEC, 0)};
    Listener::Failure failure;
    std::shared_ptr<Listener> listener =
        Listener::adopt(executor_, socket, std::move(copy), failure);
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

// One of an earlier generation may still have the address: binding it again would be refused.
std::shared_ptr<Listener> Sockets::bound_alike(const config::Socket& socket) const
{
    const auto found = open_.find(socket.name);
    if (found == open_.end())
        return nullptr;
    for (const auto& [generation, listener] : found->second)
        if (listener && config::bound_alike(listener->spec(), socket))
            return listener;
    return nullptr;
}

std::shared_ptr<Listener> Sockets::open_for(const config::Socket& socket,
                                            const config::Difference& difference) const
{
    const std::shared_ptr<Listener> newest = find(socket.name);
    return newest && !contains(difference.sockets_rebound, socket.name) ? newest
                                                                        : bound_alike(socket);
}

std::string Sockets::prepare(const config::Spec& next, const config::Difference& difference)
{
    for (const config::Socket& socket : next.sockets) {
        std::shared_ptr<Listener> listener = open_for(socket, difference);
        const bool hand_overs = takes_hand_overs(next, socket.name);
        if (!listener || listener->scheduling() != resolved(socket, *listener, hand_overs)) {
            std::string problem;
            listener =
                listener ? copy_of(*listener, socket, problem) : bind(socket, difference, problem);
            if (!listener) {
                prepared_.clear();
                return problem;
            }
            listener->settle(hand_overs);
        }
        prepared_[socket.name] = std::move(listener);
    }
    return {};
}

void Sockets::commit(const config::Spec& next, unsigned generation)
{
    for (const auto& [name, history] : open_)
        if (!prepared_.contains(name))
            put(name, generation, nullptr);
    for (const config::Socket& socket : next.sockets) {
        std::shared_ptr<Listener> listener = std::move(prepared_.at(socket.name));
        listener->update(socket);
        put(socket.name, generation, std::move(listener));
    }
    prepared_.clear();
}

void Sockets::put(const std::string& name, unsigned generation, std::shared_ptr<Listener> listener)
{
    History& history = open_[name];
    if (history.empty() || history.back().listener != listener)
        history.push_back({generation, std::move(listener)});
}

void Sockets::go_back(const std::string& name, unsigned generation)
{
    History& history = open_.at(name);
    while (history.size() > 1 && history.back().generation > generation)
        history.pop_back();
}

void Sockets::keep_only(const Seen& needed)
{
    for (auto& [name, history] : open_) {
        std::set<std::shared_ptr<Listener>> seen{history.back().listener};
        for (const auto& [socket, generation] : needed)
            if (socket == name)
                seen.insert(find(socket, generation));
        std::erase_if(history, [&](const Since& since) { return !seen.contains(since.listener); });
    }
    std::erase_if(open_, [](const auto& entry) {
        const History& history = entry.second;
        return history.size() == 1 && !history.back().listener;
    });
}

std::shared_ptr<Listener> Sockets::find(const std::string& name) const
{
    const auto found = open_.find(name);
    return found == open_.end() ? nullptr : found->second.back().listener;
}

std::shared_ptr<Listener> Sockets::find(const std::string& name, unsigned generation) const
{
    const auto found = open_.find(name);
    if (found == open_.end())
        return nullptr;
    std::shared_ptr<Listener> listener = found->second.front().listener;
    for (const Since& since : found->second)
        if (since.generation <= generation)
            listener = since.listener;
    return listener;
}

std::vector<std::shared_ptr<Listener>> Sockets::in_order_of(const config::Spec& spec) const
{
    std::vector<std::shared_ptr<Listener>> listeners;
    for (const config::Socket& socket : spec.sockets)
        if (auto listener = find(socket.name))
            listeners.push_back(std::move(listener));
    return listeners;
}

std::vector<std::shared_ptr<Listener>> Sockets::all() const
{
    std::vector<std::shared_ptr<Listener>> listeners;
    for (const auto& [name, history] : open_)
        for (const Since& since : history)
            if (since.listener)
                listeners.push_back(since.listener);
    return listeners;
}

void Sockets::stop_accepting()
{
    for (const auto& listener : all())
        listener->stop_accepting();
}

} // namespace ostler
