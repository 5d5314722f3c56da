// SPDX-License-Identifier: MIT
#include "daemon/socket_listener.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <utility>

#include "daemon/binding.hpp"
#include "daemon/shared_intake.hpp"

namespace ostler
{

using config::Scheduling;

std::unique_ptr<SocketListener> SocketListener::make(boost::asio::any_io_executor executor,
                                                     const config::Socket& spec, Bound bound,
                                                     Failure& failure, Rebind rebind)
{
    const auto fail = [&](os::Error error) -> std::unique_ptr<SocketListener> {
        failure.sentence = fmt::format("cannot watch {}: {}", spec.listen.text, error.message());
        return nullptr;
    };
    auto where = os::Endpoint::of(bound.fd.borrow());
    if (!where)
        return fail(where.error());
    auto readiness = Readiness::make(executor);
    if (!readiness)
        return fail(readiness.error());
    if (const auto added =
            (*readiness)->add(bound.fd.borrow(), Dispatcher::socket_key, Readiness::Want::shutdown);
        !added)
        return fail(added.error());
    return std::make_unique<SocketListener>(std::move(executor), spec, std::move(bound), *where,
                                            std::move(*readiness), std::move(rebind));
}

SocketListener::SocketListener(boost::asio::any_io_executor executor, config::Socket spec,
                               Bound bound, os::Endpoint where,
                               std::unique_ptr<Readiness> readiness, Rebind rebind)
    : executor_{executor},
      spec_{std::move(spec)},
      bound_{std::move(bound)},
      where_{where},
      rebind_{std::move(rebind)},
      readiness_{std::move(readiness)},
      dispatcher_{executor, spec_, *readiness_, counters_},
      warnings_{std::chrono::seconds{10}},
      failures_{std::chrono::seconds{10}},
      timer_{executor}
{
    dispatcher_.listen_to(descriptor(), bound_.trust);
    readiness_->start([this](Readiness::Event event) {
        if (event.key == Dispatcher::socket_key && event.shut)
            was_shut();
        else
            dispatcher_.ready(event);
    });
}

SocketListener::~SocketListener()
{
    for (SharedIntake* holder : holders_)
        holder->orphan();
}

std::unique_ptr<Listener> SocketListener::respread(const config::Socket& spec, Failure& failure)
{
    os::UniqueFd copy{os::adopt, ::fcntl(descriptor().get(), F_DUPFD_CLOEXEC, 0)};
    if (!copy.valid()) {
        failure.sentence = fmt::format("socket {}: {}", spec_.name, os::last_error().message());
        return nullptr;
    }
    Bound bound{std::move(copy), bound_.file, Dispatcher::Trust::others_hold_it};
    auto fresh = make(executor_, spec, std::move(bound), failure);
    if (!fresh)
        return nullptr;
    successor_ = fresh->alive_.token();
    fresh->apply_options();
    return fresh;
}

void SocketListener::settle(bool all_take_hand_overs)
{
    scheduling_ = spec_.scheduling;
    if (scheduling_ == Scheduling::automatic)
        scheduling_ = all_take_hand_overs ? Scheduling::round_robin : Scheduling::shared;
    if (datagram()) // there is nothing to accept, hence nothing to hand over
        scheduling_ = Scheduling::shared;
}

os::Result<std::unique_ptr<Intake>> SocketListener::admit(IntakeOwner& owner, const LoadPage* page)
{
    if (scheduling_ == Scheduling::round_robin && page != nullptr)
        return dispatcher_.admit(owner, page);
    if (!bound_.fd.valid()) // it is being bound anew
        return os::error_from(EAGAIN);
    auto intake = std::make_unique<SharedIntake>(*this, owner);
    holders_.push_back(intake.get());
    return std::unique_ptr<Intake>{std::move(intake)};
}

void SocketListener::leave(const SharedIntake& intake)
{
    std::erase(holders_, &intake);
}

void SocketListener::update(const config::Socket& changed)
{
    spec_ = changed;
    apply_options();
    dispatcher_.spec_changed();
}

void SocketListener::apply_options()
{
    if (spec_.listen.family == config::Address::Family::inherited)
        return; // they are its maker's
    if (!datagram() && os::listening(descriptor()))
        if (const auto done = os::listen_on(descriptor(), stream_options(spec_)); !done)
            spdlog::warn("socket {}: its options cannot be changed: {}", spec_.name,
                         done.error().message());
    if (const auto done = bound_.file->set_access(bind_options(spec_).access); !done)
        spdlog::warn("socket {}: mode or owner of its file cannot be changed: {}", spec_.name,
                     done.error().message());
}

bool SocketListener::datagram() const
{
    return where_.transport() == os::Transport::datagram;
}

unsigned SocketListener::backlog_waiting() const
{
    return datagram() ? 0 : os::backlog_waiting(descriptor());
}

void SocketListener::stop_accepting()
{
    stopped_ = true;
    dispatcher_.stop();
}

// One who held the socket has shut it down for everybody. Nobody can be told to have done it, so
// all who could are named.
void SocketListener::was_shut()
{
    readiness_->forget(descriptor()); // workers hold it open, and it would wake us for ever
    if (stopped_ || !successor_.expired())
        return;
    if (warnings_.may_speak(Rebinding::Clock::now()))
        spdlog::warn("socket {} ({}) was shut down by one of those that hold it ({}): binding it "
                     "anew",
                     spec_.name, address(), holders_named());
    if (where_.abstract())
        let_go();
    bind_later();
}

// An abstract name is free only when the last one has closed the dead socket: ours, and theirs.
void SocketListener::let_go()
{
    bound_.fd.reset();
    dispatcher_.listen_to(descriptor(), bound_.trust);
}

std::string SocketListener::holders_named() const
{
    std::string names;
    for (const SharedIntake* holder : holders_)
        names += (names.empty() ? "" : ", ") + holder->owner().label();
    return names.empty() ? "none of our workers" : names;
}

void SocketListener::bind_later()
{
    timer_.expires_after(rebinding_.wait(Rebinding::Clock::now()));
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        if (!error && !stopped_)
            bind_again();
    }));
}

void SocketListener::bind_again()
{
    if (!rebind_)
        return bound_again(bind_again_here());
    rebind_(alive_.guard([this](os::Result<Bound> fresh) {
        if (!stopped_)
            bound_again(std::move(fresh));
    }));
}

os::Result<SocketListener::Bound> SocketListener::bind_again_here()
{
    auto fresh = os::bind_again(where_, bind_options(spec_), descriptor());
    if (!fresh)
        return fresh.error();
    if (!datagram())
        if (const auto done = os::listen_on(fresh->fd.borrow(), stream_options(spec_)); !done)
            return done.error();
    return Bound{std::move(fresh->fd), std::make_shared<os::UnixFile>(std::move(fresh->file))};
}

void SocketListener::bound_again(os::Result<Bound> fresh)
{
    if (!fresh)
        return cannot_bind(fresh.error());
    if (const auto added =
            readiness_->add(fresh->fd.borrow(), Dispatcher::socket_key, Readiness::Want::shutdown);
        !added)
        return cannot_bind(added.error());
    now_bound(std::move(*fresh));
}

void SocketListener::cannot_bind(os::Error error)
{
    if (failures_.may_speak(Rebinding::Clock::now()))
        spdlog::error("socket {}: {}", spec_.name, why_not_bound(where_, error));
    // Nobody can make a worker close the dead socket, and none of them can serve on it any more.
    if (error.value() == EADDRINUSE && where_.abstract())
        for (SharedIntake* holder : holders())
            if (std::find(holders_.begin(), holders_.end(), holder) != holders_.end())
                holder->owner().intake_stuck(spec_.name);
    bind_later();
}

void SocketListener::now_bound(Bound fresh)
{
    // The old file went when the new one was made in its place, perhaps with the same number.
    if (bound_.file)
        bound_.file->keep();
    bound_ = std::move(fresh);
    ++counters_.rebound;
    dispatcher_.listen_to(descriptor(), bound_.trust);
    for (SharedIntake* holder : holders()) // whoever is told may end others
        if (std::find(holders_.begin(), holders_.end(), holder) != holders_.end())
            holder->owner().listener_replaced(spec_.name, descriptor());
}

SharedIntake::~SharedIntake()
{
    if (listener_)
        listener_->leave(*this);
}

os::FdRef SharedIntake::given() const
{
    return listener_ ? listener_->descriptor() : os::FdRef{-1};
}

} // namespace ostler
