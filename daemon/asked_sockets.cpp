// SPDX-License-Identifier: MIT
#include "daemon/asked_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <spdlog/spdlog.h>

#include "daemon/binding.hpp"
#include "daemon/socket_listener.hpp"

namespace ostler
{
namespace
{

using Outcome = std::variant<std::shared_ptr<Listener>, ipc::Refusal>;

os::FileUser file_user_of(const config::Program& program)
{
    os::FileUser user{.ids = {}, .umask = program.umask};
    if (program.user)
        user.ids = {program.user->uid, program.user->gid, program.user->groups};
    return user;
}

// A machine without IPv6 has no [::], but every address that there is can still be bound.
os::Result<os::BoundSocket> bind_what_there_is(const config::Socket& wanted)
{
    auto bound = bind_plainly(wanted);
    if (bound || bound.error().value() != EAFNOSUPPORT || wanted.listen.host != "::" ||
        wanted.v6only)
        return bound;
    config::Socket older = wanted;
    older.listen.host = "0.0.0.0";
    return bind_plainly(older);
}

os::Result<SocketListener::Bound> as_bound(os::Result<os::BoundSocket> made)
{
    if (!made)
        return made.error();
    return SocketListener::Bound{std::move(made->fd),
                                 std::make_shared<os::UnixFile>(std::move(made->file))};
}

ipc::Refusal refusal(const config::Socket& wanted, os::Error error)
{
    const auto where = endpoint_of(wanted.listen);
    return {error.value(), where ? why_not_bound(*where, error, Holder::unnamed)
                                 : "cannot bind " + wanted.name + ": " + error.message()};
}

} // namespace

void AskedSockets::find_or_bind(const std::string& pool, const config::Program& asker,
                                const config::Socket& wanted, Answer answer)
{
    forget_closed();
    const Key key{pool, wanted.name};
    const bool has_file = wanted.listen.family == config::Address::Family::unix_path;
    const auto known = entries_.find(key);
    if (known == entries_.end() && has_file && too_many_files(pool))
        return answer(ipc::Refusal{EAGAIN, "too many socket files are being made for this pool"});
    Entry& entry = entries_[key];
    if (auto listener = entry.listener.lock())
        return answer(std::move(listener));
    entry.waiting.push_back(std::move(answer));
    if (entry.waiting.size() > 1)
        return;
    if (has_file)
        bind_file(key, asker, wanted);
    else
        bind(key, wanted);
}

void AskedSockets::bind(const Key& key, const config::Socket& wanted)
{
    bound(key, wanted, as_bound(bind_what_there_is(wanted)), {});
}

void AskedSockets::bind_file(const Key& key, const config::Program& asker,
                             const config::Socket& wanted)
{
    const SocketListener::Rebind with_their_rights =
        [this, wanted, user = file_user_of(asker)](SocketListener::Rebound made) {
            files_.bind(wanted, user, std::move(made));
        };
    with_their_rights(
        [this, key, wanted, with_their_rights](os::Result<SocketListener::Bound> made) {
            bound(key, wanted, std::move(made), with_their_rights);
        });
}

void AskedSockets::bound(const Key& key, const config::Socket& wanted,
                         os::Result<SocketListener::Bound> made, SocketListener::Rebind rebind)
{
    if (!made)
        return answer_all(key, refusal(wanted, made.error()));
    Listener::Failure failure;
    std::shared_ptr<Listener> listener =
        SocketListener::make(executor_, wanted, std::move(*made), failure, std::move(rebind));
    if (!listener)
        return answer_all(key, ipc::Refusal{EMFILE, failure.sentence});
    listener->settle(true);
    spdlog::info("socket {} is open, as pool {} asked for it", listener->address(), key.first);
    entries_.at(key).listener = listener;
    answer_all(key, std::move(listener));
}

// Whoever is answered may ask again at once.
void AskedSockets::answer_all(const Key& key, Outcome outcome)
{
    const std::vector<Answer> waiting = std::exchange(entries_.at(key).waiting, {});
    for (const Answer& answer : waiting)
        answer(outcome);
}

bool AskedSockets::too_many_files(const std::string& pool) const
{
    const auto being_made = std::ranges::count_if(entries_, [&](const auto& entry) {
        return entry.first.first == pool && !entry.second.waiting.empty();
    });
    return static_cast<std::size_t>(being_made) >= most_files_at_once;
}

void AskedSockets::forget_closed()
{
    std::erase_if(entries_, [](const auto& entry) {
        return entry.second.waiting.empty() && entry.second.listener.expired();
    });
}

std::vector<AskedSockets::Open> AskedSockets::open() const
{
    std::vector<Open> all;
    for (const auto& [key, entry] : entries_)
        if (auto listener = entry.listener.lock())
            all.push_back({key.first, std::move(listener)});
    return all;
}

void AskedSockets::stop_accepting()
{
    for (const Open& one : open())
        one.listener->stop_accepting();
}

} // namespace ostler
