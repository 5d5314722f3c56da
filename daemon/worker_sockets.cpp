// SPDX-License-Identifier: MIT
#include "daemon/worker_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "config/address.hpp"
#include "daemon/listen_request.hpp"

namespace ostler
{

bool WorkerSockets::of_the_spec(const std::string& socket) const
{
    return std::ranges::count(identity_.sockets, socket) > 0;
}

WorkerSockets::Granted WorkerSockets::join(const std::string& socket)
{
    if (!of_the_spec(socket))
        return ipc::Refusal{ENOENT,
                            "pool " + identity_.pool + " lists no socket \"" + socket + "\""};
    auto listener = services_.listeners.find(socket, identity_.generation);
    if (!listener)
        return ipc::Refusal{ENOENT, "socket \"" + socket + "\" is not open any more"};
    return admit(socket, std::move(listener));
}

std::optional<ipc::Refusal> WorkerSockets::obstacle_to(const std::string& socket) const
{
    if (held_.contains(socket))
        return ipc::Refusal{EADDRINUSE, "this worker listens on socket \"" + socket + "\" already"};
    if (!owner_.may_listen())
        return ipc::Refusal{ESHUTDOWN, "this worker was told to go"};
    return std::nullopt;
}

WorkerSockets::Granted WorkerSockets::admit(const std::string& socket,
                                            std::shared_ptr<Listener> listener)
{
    if (const auto obstacle = obstacle_to(socket))
        return *obstacle;
    auto intake = listener->admit(*this, page_ ? &*page_ : nullptr);
    if (!intake)
        return ipc::Refusal{intake.error().value(),
                            "joining socket \"" + socket + "\": " + intake.error().message()};
    const ipc::Grant grant{.socket = socket,
                           .descriptor = (*intake)->given(),
                           .queue = (*intake)->delivery() == Delivery::queue,
                           .datagram = listener->datagram(),
                           .address = listener->address()};
    held_.emplace(socket, Held{std::move(listener), std::move(*intake)});
    return grant;
}

void WorkerSockets::ask(const ipc::Wanted& wanted, ipc::DialectEvents::Answer answer)
{
    if (const auto number = inherited_number(wanted.address))
        return answer(join_inherited(*number));
    auto read = read_listen_request(wanted, program_);
    if (const auto* refusal = std::get_if<ipc::Refusal>(&read))
        return answer(*refusal);
    const auto& socket = std::get<config::Socket>(read);
    if (const std::string* name = named_by_the_spec(socket.listen))
        return answer(join(*name));
    const auto judged = judge_listen_request(socket, program_);
    if (const auto* refusal = std::get_if<ipc::Refusal>(&judged))
        return answer(*refusal);
    if (const auto obstacle = obstacle_to(socket.name))
        return answer(*obstacle);
    auto arrived = [this, name = socket.name, answer = std::move(answer)](auto found) {
        if (auto* listener = std::get_if<std::shared_ptr<Listener>>(&found))
            answer(admit(name, std::move(*listener)));
        else
            answer(std::get<ipc::Refusal>(std::move(found)));
    };
    services_.asked.find_or_bind(identity_.pool, program_, socket,
                                 alive_.guard(std::move(arrived)));
}

// The number is that of the service manager's list, and a key here, never a descriptor.
WorkerSockets::Granted WorkerSockets::join_inherited(int number)
{
    const config::Address address{.family = config::Address::Family::inherited,
                                  .path = services_.listeners.inherited_name(number)};
    const std::string* name = address.path.empty() ? nullptr : named_by_the_spec(address);
    if (name)
        return join(*name);
    return ipc::Refusal{EINVAL, "no socket of this pool is the one that was passed to the daemon "
                                "as number " +
                                    std::to_string(number)};
}

// The address may be written there with port 0: what counts is what was bound.
const std::string* WorkerSockets::named_by_the_spec(const config::Address& address) const
{
    const bool passed = address.family == config::Address::Family::inherited;
    const std::string text = config::text_of(address);
    for (const std::string& name : identity_.sockets) {
        const auto listener = services_.listeners.find(name, identity_.generation);
        if (listener && (passed ? listener->spec().listen == address : listener->address() == text))
            return &name;
    }
    return nullptr;
}

void WorkerSockets::close(const std::string& socket)
{
    answered_.erase(socket);
    held_.erase(socket);
}

void WorkerSockets::pause()
{
    for (auto& [socket, held] : held_)
        held.intake->pause();
}

void WorkerSockets::reclaim()
{
    for (auto& [socket, held] : held_)
        held.intake->reclaim();
}

bool WorkerSockets::listens() const
{
    if (identity_.sockets.empty())
        return !answered_.empty();
    return std::ranges::all_of(identity_.sockets, [this](const std::string& socket) {
        return answered_.contains(socket);
    });
}

std::vector<std::shared_ptr<Listener>> WorkerSockets::asked() const
{
    std::vector<std::shared_ptr<Listener>> all;
    for (const auto& [socket, held] : held_)
        if (!of_the_spec(socket))
            all.push_back(held.listener);
    return all;
}

WorkerSockets::Traffic WorkerSockets::traffic() const
{
    Traffic traffic;
    std::uint64_t queued = 0;
    bool shared = false;
    for (const auto& [socket, held] : held_) {
        traffic.pending += held.intake->pending();
        queued += held.intake->passed();
        shared = shared || held.intake->delivery() == Delivery::shared;
    }
    traffic.accepted = queued - std::min<std::uint64_t>(queued, traffic.pending);
    if (!page_)
        return traffic;
    const std::uint64_t taken = page_->taken();
    if (shared)
        traffic.accepted = std::max(traffic.accepted, taken);
    traffic.open = taken - std::min(taken, page_->done());
    return traffic;
}

} // namespace ostler
