// SPDX-License-Identifier: MIT
#include "daemon/dispatcher.hpp"

#include <cerrno>
#include <cstring>
#include <spdlog/spdlog.h>
#include <utility>

#include "daemon/accepting.hpp"
#include "daemon/errand.hpp"
#include "daemon/queue_intake.hpp"
#include "ipc/os/socket.hpp"

namespace ostler
{
namespace
{

constexpr unsigned batch = 32; // accepted before the loop gets its turn
} // namespace

Dispatcher::Dispatcher(boost::asio::any_io_executor executor, const config::Socket& spec,
                       Readiness& readiness, Listener::Counters& counters)
    : executor_{executor},
      spec_{spec},
      readiness_{readiness},
      counters_{counters},
      parking_{executor, [this](TakenBack connection) { refuse(std::move(connection)); }},
      retriever_{executor,
                 lanes_,
                 spec.name,
                 {.place = [this](TakenBack connection,
                                  const Lane* from) { place(std::move(connection), from); },
                  .looked = [this] { looked(); },
                  .starved = [this] { pause(EMFILE); }}},
      send_buffer_{Queue::fitting_send_buffer()},
      shortage_{executor, [this] { resume(); }}
{
}

Dispatcher::~Dispatcher()
{
    for (QueueIntake* intake : intakes_)
        intake->orphan();
}

void Dispatcher::listen_to(os::FdRef socket, Trust trust)
{
    socket_ = socket;
    trust_ = trust;
    if (gate_ == Gate::stopped)
        return;
    gate_ = Gate::held;
    if (opened_)
        pump();
}

void Dispatcher::spec_changed()
{
    if (opened_)
        pump();
}

void Dispatcher::looked()
{
    if (gate_ == Gate::held)
        pump();
}

void Dispatcher::stop()
{
    gate(Gate::stopped);
}

void Dispatcher::gate(Gate wanted)
{
    if (gate_ == wanted || gate_ == Gate::stopped)
        return;
    gate_ = wanted;
    readiness_.change(socket_, socket_key,
                      gate_ == Gate::waiting ? Readiness::Want::input : Readiness::Want::shutdown);
}

void Dispatcher::ready(Readiness::Event event)
{
    if (event.key == socket_key)
        return pump();
    Lane* lane = lanes_.find(event.key);
    if (!lane)
        return;
    if (event.shut)
        return set_aside(*lane, EPIPE);
    lane->room_came();
    if (gate_ != Gate::waiting || !parking_.empty())
        pump();
}

void Dispatcher::pump()
{
    unpark();
    if (!parking_.empty())
        return gate(Gate::held); // they were first
    // Whoever holds the socket too may have made it block.
    if (trust_ == Trust::others_hold_it && socket_.valid())
        (void)os::set_nonblocking(socket_);
    for (unsigned i = 0; i < batch; ++i)
        if (!accept_one())
            return;
    gate(Gate::waiting); // more may be there: then this wakes us at once
}

// False when there is nothing more to do until something wakes us.
bool Dispatcher::accept_one()
{
    if (shortage_.lasts() || gate_ == Gate::stopped || !socket_.valid())
        return false;
    const auto now = Clock::now();
    if (lanes_.somebody_coming(now)) {
        gate(Gate::held); // until it has room, or the next look
        return false;
    }
    Lane* lane = lanes_.choose(now);
    if (!lane)
        return no_room();
    TakenBack accepted = accept_from(socket_);
    if (!accepted.fd.valid())
        return accept_failed(errno);
    ++counters_.accepted;
    accepted.packet.id = ++last_connection_;
    const bool last = shortage_.near(accepted.fd.borrow());
    deliver(std::move(accepted), lane, now);
    if (last)
        pause(EMFILE);
    else if (!shortage_.lasts())
        shortage_.nothing_lacks();
    return !shortage_.lasts();
}

// True: go on with the next.
bool Dispatcher::accept_failed(int error)
{
    switch (trouble_of(error)) {
    case Trouble::only_this_one:
        return true;
    case Trouble::none_there:
        gate(Gate::waiting);
        return false;
    case Trouble::shut: // Readiness says so to the listener
        gate(Gate::held);
        return false;
    case Trouble::scarce:
        break;
    }
    pause(error);
    return false;
}

bool Dispatcher::no_room()
{
    if (spec_.overflow == config::Overflow::hold || !opened_) {
        gate(Gate::held);
        return false;
    }
    TakenBack accepted = accept_from(socket_);
    if (!accepted.fd.valid())
        return accept_failed(errno);
    ++counters_.accepted;
    refuse(std::move(accepted));
    return true;
}

void Dispatcher::deliver(TakenBack connection, Lane* first, Clock::time_point now)
{
    if (give(connection, first, now) != Given::yes)
        return keep_or_shed(std::move(connection), now);
    let_go(std::move(connection));
}

// Its worker may be done with it already, and ours the last copy of a socket that lingers.
void Dispatcher::let_go(TakenBack given)
{
    if (os::lingers(given.fd.borrow()))
        errand_runner(executor_).close(std::move(given.fd));
}

// Until somebody has it, it is the caller's.
Dispatcher::Given Dispatcher::give(const TakenBack& connection, Lane* first, Clock::time_point now,
                                   const Lane* except)
{
    for (Lane* lane = first; lane != nullptr; lane = lanes_.choose(now, except)) {
        const int error = -lane->offer(connection.packet, connection.fd.borrow(), now);
        if (error == 0) {
            lanes_.took_turn(*lane);
            ++counters_.passed;
            retriever_.look_soon();
            return Given::yes;
        }
        if (scarce(error)) {
            pause(error);
            return Given::scarce;
        }
        set_aside(*lane, error);
    }
    return Given::nobody;
}

void Dispatcher::set_aside(Lane& lane, int error)
{
    if (error == EAGAIN)
        return lane.found_full();
    if (lane.route() == Lane::Route::closed)
        return;
    spdlog::warn("worker {} has shut its queue of socket {}: it gets nothing more",
                 lane.owner().label(), spec_.name);
    reclaim(lane);
}

// What was taken back from `from`: to somebody else, or to whoever has room, itself included.
void Dispatcher::place(TakenBack connection, const Lane* from)
{
    const auto now = Clock::now();
    ++counters_.taken_back;
    Given given = give(connection, lanes_.choose(now, from), now, from);
    if (given == Given::nobody && from != nullptr)
        given = give(connection, lanes_.choose(now), now);
    if (given != Given::yes)
        return keep_or_shed(std::move(connection), now);
    let_go(std::move(connection));
}

void Dispatcher::keep_or_shed(TakenBack connection, Clock::time_point now)
{
    // Short of descriptors is no overflow: that passes.
    if (spec_.overflow == config::Overflow::shed && !shortage_.lasts())
        return refuse(std::move(connection));
    parking_.park(std::move(connection), now + spec_.patience);
}

void Dispatcher::unpark()
{
    while (!shortage_.lasts() && !parking_.empty()) {
        const auto now = Clock::now();
        if (give(parking_.oldest(), lanes_.choose(now), now) != Given::yes)
            return;
        let_go(parking_.leave());
    }
}

void Dispatcher::refuse(TakenBack connection)
{
    ++counters_.shed;
    os::reset_connection(std::move(connection.fd));
}

void Dispatcher::pause(int error)
{
    gate(Gate::held);
    if (!shortage_.begin())
        return;
    ++counters_.out_of_descriptors;
    if (shortage_.worth_a_warning())
        spdlog::warn("socket {}: short of descriptors or memory ({}): connections wait in the "
                     "kernel until there are some; see the limit of open files (LimitNOFILE=)",
                     spec_.name, std::strerror(error));
}

void Dispatcher::resume()
{
    retriever_.again();
    pump();
}

os::Result<std::unique_ptr<Intake>> Dispatcher::admit(IntakeOwner& owner, const LoadPage* page)
{
    auto queue = Queue::make(send_buffer_);
    if (!queue)
        return queue.error();
    const std::uint64_t number = ++last_lane_;
    if (const auto added = readiness_.add(queue->near(), number, Readiness::Want::nothing); !added)
        return added.error();
    auto intake = std::make_unique<QueueIntake>(
        *this, Lane{std::move(*queue), number, owner, page, readiness_});
    intakes_.push_back(intake.get());
    lanes_.add(intake->lane());
    opened_ = true;
    pump();
    return intake;
}

void Dispatcher::reclaim(Lane& lane)
{
    if (lane.route() == Lane::Route::closed)
        return;
    lane.route(Lane::Route::closed);
    readiness_.forget(lane.queue().near());
    retriever_.fetch_all(lane);
}

void Dispatcher::leave(QueueIntake& intake)
{
    lanes_.remove(intake.lane());
    std::erase(intakes_, &intake);
    shortage_.try_now(); // its descriptors are free in a moment
}

} // namespace ostler
