// SPDX-License-Identifier: MIT
#include "daemon/worker.hpp"

#include <algorithm>
#include <array>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/start_plan.hpp"
#include "daemon/worker_start.hpp"
#include "ipc/channel/native_dialect.hpp"
#include "ipc/channel/plain_dialect.hpp"
#include "ipc/os/endpoint.hpp"

namespace ostler
{

using wire::keeper::Scope;

namespace
{

constexpr auto complaints_apart = std::chrono::seconds{10};

// In the words of Node's cluster: 4, 6, -1 for Unix sockets, "udp4", "udp6".
boost::json::value address_type(const os::Endpoint& bound)
{
    if (bound.family() == AF_UNIX)
        return -1;
    const int version = bound.family() == AF_INET6 ? 6 : 4;
    if (bound.transport() == os::Transport::datagram)
        return boost::json::string{version == 6 ? "udp6" : "udp4"};
    return version;
}

} // namespace

Worker::Worker(Services& services, WorkerOwner& owner, std::shared_ptr<const config::Pool> spec,
               Handles handles, unsigned slot, unsigned generation)
    : services_{services},
      owner_{owner},
      spec_{std::move(spec)},
      handles_{std::move(handles)},
      identity_{services.next_worker(), slot, generation, spec_->name, spec_->program.sockets},
      sockets_{services, *this, identity_, spec_->program, page_},
      deadline_{services.executor},
      report_{services.executor}
{
}

Worker::~Worker()
{
    services_.keeper.forget(id());
    services_.post.close(id());
    if (dialect_)
        services_.off_loop.close(dialect_->release());
}

std::string Worker::label() const
{
    return identity_.pool + "/" + std::to_string(identity_.slot);
}

Clock::duration Worker::ready_for() const
{
    return ready_at_ ? Clock::now() - *ready_at_ : Clock::duration{};
}

// --- Its life: the table decides, this carries out. ---

void Worker::on(WorkerEvent event)
{
    const WorkerRule* rule = find_rule(worker_lifecycle, state_, event);
    if (!rule)
        return;        // a late wish: it is on its way already
    state_ = rule->to; // the only assignment to state_
    services_.changed.notify();
    perform(rule->effect); // last: retiring destroys us
}

void Worker::perform(WorkerEffect effect)
{
    switch (effect) {
    case WorkerEffect::none:
        return;
    case WorkerEffect::announce:
        return announce();
    case WorkerEffect::drain:
        return begin_drain();
    case WorkerEffect::terminate:
        return terminate();
    case WorkerEffect::kill:
        return kill();
    case WorkerEffect::retire:
        return retire();
    }
}

void Worker::due_in(Clock::duration time)
{
    deadline_.in(time, alive_.guard([this] {
        so_far_.timed_out = so_far_.timed_out || state_ == WorkerState::starting;
        on(WorkerEvent::overdue);
    }));
}

void Worker::announce()
{
    deadline_.cancel();
    ready_at_ = Clock::now();
    spdlog::info("worker {} is ready  id={} pid={}", label(), id(), pid_.value_or(0));
    owner_.worker_ready(*this);
}

void Worker::begin_drain()
{
    sockets_.pause();
    if (channel_ended_ || dialect_->drain(spec_->stop.drain))
        return due_in(spec_->stop.drain);
    on(WorkerEvent::overdue); // it cannot be told: its signal is the beginning of its drain
}

void Worker::terminate()
{
    sockets_.pause();
    if (channel_ended_ && !so_far_.asked && !so_far_.voluntary && so_far_.ended_for.empty())
        so_far_.ended_for = "closed its channel";
    // A worker that cannot be told to drain finishes what it has after the signal, so it gets that
    // time here.
    const bool drains_by_signal =
        spec_->program.protocol != config::Protocol::ostler && !so_far_.timed_out;
    const int signal = last_signal_.value_or(spec_->stop.signal);
    sent_ = signal;
    services_.keeper.signal(id(), signal, Scope::process);
    services_.keeper.signal(id(), SIGCONT, Scope::process); // a stopped one would not hear it
    due_in(spec_->stop.kill_after +
           (drains_by_signal && ready_at_ ? spec_->stop.drain : config::Duration{0}));
}

void Worker::kill()
{
    spdlog::warn("worker {} did not end in time and is killed  id={} pid={}", label(), id(),
                 pid_.value_or(0));
    sent_ = SIGKILL;
    services_.keeper.signal(id(), SIGKILL, Scope::group);
    deadline_.cancel();
}

void Worker::retire()
{
    deadline_.cancel();
    sockets_.reclaim();
    services_.controllers.disconnect(id());
    tell_exit();
    owner_.worker_gone(*this, so_far_); // may destroy us
}

void Worker::drain()
{
    so_far_.asked = true;
    on(WorkerEvent::told_to_drain);
    // The end of the channel, which a signal was to wait for, has been.
    if (last_signal_ && channel_ended_ && state_ == WorkerState::draining)
        on(WorkerEvent::told_to_stop);
}

void Worker::stop()
{
    so_far_.asked = true;
    on(WorkerEvent::told_to_stop);
}

void Worker::kill_ourselves()
{
    // Its group first: while the pidfd answers, the number is still its own.
    if (pid_ && ::syscall(SYS_pidfd_send_signal, pidfd_.get(), 0, nullptr, 0) == 0)
        ::kill(-*pid_, SIGKILL);
    if (pidfd_.valid())
        ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

// --- Who hears of it. ---

void Worker::tell(EventKind kind, boost::json::object details) const
{
    services_.events.tell(kind, {identity_.pool, identity_.slot, identity_.worker},
                          std::move(details));
}

// One that says nothing is online as soon as it is executed.
void Worker::tell_online()
{
    const bool online = spec_->program.protocol == config::Protocol::ostler ? online_ : spawned_;
    if (!online || !pid_ || std::exchange(told_online_, true))
        return;
    tell(EventKind::online, {{"pid", *pid_}});
}

void Worker::tell_listening(const std::string& socket) const
{
    const Listener& listener = sockets_.at(socket);
    boost::json::object details{{"socket", nullptr}, {"address", listener.address()}};
    if (sockets_.of_the_spec(socket))
        details["socket"] = socket;
    if (const auto bound = os::Endpoint::of(listener.descriptor())) {
        details["port"] = bound->family() == AF_UNIX ? -1 : static_cast<int>(bound->port());
        details["address_type"] = address_type(*bound);
    }
    tell(EventKind::listening, std::move(details));
}

void Worker::tell_disconnect()
{
    if (spec_->program.protocol != config::Protocol::ostler ||
        std::exchange(told_disconnect_, true))
        return;
    tell(EventKind::disconnect, {{"exited_after_disconnect", so_far_.voluntary || so_far_.asked}});
}

void Worker::tell_exit()
{
    if (pid_)
        tell_disconnect(); // its end may be seen before that of its channel
    if (!so_far_.start_failure.empty())
        tell(EventKind::error, {{"text", so_far_.start_failure}});
    tell(EventKind::exit, json_of(so_far_));
}

// --- Starting. ---

void Worker::start()
{
    tell(EventKind::fork, {{"generation", generation()}});
    due_in(spec_->ready.timeout);
    if (const std::string problem = try_to_launch(); !problem.empty())
        boost::asio::post(services_.executor,
                          alive_.guard([this, problem] { fail_start(problem); }));
}

void Worker::fail_start(const std::string& sentence)
{
    so_far_.start_failure = sentence;
    on(WorkerEvent::exited);
}

// Asio throws when it cannot watch one descriptor more.
std::string Worker::try_to_launch()
try {
    return launch();
} catch (const boost::system::system_error& error) {
    return std::string{"watching it: "} + error.what();
}

std::string Worker::launch()
{
    if (spec_->program.protocol == config::Protocol::ostler) {
        auto page = LoadPage::make();
        if (!page)
            return "making its page: " + page.error().message();
        page_.emplace(std::move(*page));
    }
    dialect_ = make_dialect(services_.executor, *spec_, identity_, page_, *this);
    if (!dialect_)
        return std::string{"making its channel: "} + std::strerror(errno);
    auto outfit = dialect_->outfit();
    if (const ipc::Refusal* refusal = std::get_if<ipc::Refusal>(&outfit))
        return refusal->reason;
    if (std::string problem = add_control(std::get<ipc::Outfit>(outfit)); !problem.empty())
        return problem;
    StartPipes pipes;
    if (const int error = pipes.open(spec_->program); error != 0)
        return std::string{"making its pipes: "} + std::strerror(error);
    // Whatever may fail comes before the process exists.
    if (pipes.out.read.valid())
        services_.logs.capture(std::move(pipes.out.read), identity_.pool, identity_.slot, id(),
                               Stream::out);
    if (pipes.err.read.valid())
        services_.logs.capture(std::move(pipes.err.read), identity_.pool, identity_.slot, id(),
                               Stream::err);
    watch_report(std::move(pipes.report.read));
    const Handles handles = std::exchange(handles_, nullptr);
    const Start start = plan_start(
        spec_->program, identity_, std::move(std::get<ipc::Outfit>(outfit)),
        std::move(pipes.out.write), std::move(pipes.err.write),
        handles ? std::span{*handles} : std::span<const os::UniqueFd>{}, services_.keeper_pid);
    return send_start(services_.keeper, id(), start, pipes.report.write.borrow(), *this);
}

// A controller of the spec has its connection from birth on.
std::string Worker::add_control(ipc::Outfit& outfit)
{
    const config::Program& program = spec_->program;
    if (program.controls.empty())
        return {};
    const auto scope = std::make_shared<const ControlScope>(
        ControlScope{id(), label(), program.controls, program.user});
    auto connected = services_.controllers.admit(scope);
    if (auto* problem = std::get_if<std::string>(&connected))
        return std::move(*problem);
    outfit.descriptors.push_back({.descriptor = std::get<os::UniqueFd>(std::move(connected)),
                                  .variable = "OSTLER_CONTROL_FD"});
    return {};
}

void Worker::started(pid_t pid, os::UniqueFd pidfd)
{
    pid_ = pid;
    pidfd_ = std::move(pidfd);
    dialect_->started();
    services_.changed.notify();
    tell_online();
    check_ready();
}

void Worker::not_started(int error)
{
    fail_start(std::string{"running the launcher: "} + std::strerror(error));
}

void Worker::watch_report(os::UniqueFd pipe)
{
    report_.assign(pipe.get());
    (void)pipe.release(); // not before: registering it may throw
    report_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       alive_.guard([this](boost::system::error_code error) {
                           if (!error)
                               read_report();
                       }));
}

void Worker::read_report()
{
    wire::plan::Report report;
    const ssize_t count = ::read(report_.native_handle(), &report, sizeof report);
    report_.close();
    if (count == 0) { // closed by a successful exec
        spawned_ = true;
        tell_online();
        return check_ready();
    }
    so_far_.start_failure =
        count == sizeof report ? describe_failure(report, *spec_) : "its launcher broke off";
}

// --- Ready or not. ---

void Worker::check_ready()
{
    if (state_ != WorkerState::starting || !pid_)
        return;
    const auto holds = [this] {
        switch (spec_->ready.when) {
        case config::ReadyWhen::spawned:
            return spawned_;
        case config::ReadyWhen::online:
            return online_;
        case config::ReadyWhen::listening:
            return online_ && sockets_.listens();
        case config::ReadyWhen::notify:
            return notified_;
        }
        return false;
    };
    if (holds())
        on(WorkerEvent::became_ready);
}

void Worker::said_online(const std::string&)
{
    online_ = true;
    services_.post.open({id(), identity_.slot, identity_.pool}, *this);
    tell_online();
    check_ready();
}

void Worker::said_ready()
{
    notified_ = true;
    check_ready();
}

// --- Its sockets. ---

void Worker::said_listening(const std::string& socket)
{
    sockets_.answered(socket);
    tell_listening(socket);
    spdlog::debug("worker {} listens  socket={} id={}", label(), socket, id());
    check_ready();
}

bool Worker::may_listen() const
{
    return state_ == WorkerState::starting || state_ == WorkerState::ready;
}

void Worker::socket_replaced(const std::string& socket, os::FdRef fresh)
{
    if (!dialect_->replace(socket, fresh))
        owner_.worker_outdated(*this);
}

void Worker::socket_stuck(const std::string& socket)
{
    spdlog::error("worker {} holds the queue of socket {} and is killed  id={}", label(), socket,
                  id());
    so_far_.ended_for = "held the queue of socket " + socket;
    sent_ = SIGKILL;
    services_.keeper.signal(id(), SIGKILL, Scope::group);
}

// --- Messages. ---

std::variant<unsigned, ipc::Refusal> Worker::said(const ipc::Destination& to, ipc::Message message)
{
    return services_.post.carry({id(), identity_.slot, identity_.pool}, to, std::move(message));
}

ipc::Delivery Worker::deliver(const ipc::Sender& from, const ipc::Message& message)
{
    return dialect_->deliver(from, message);
}

void Worker::said_in_vain(const ipc::Refusal& refusal)
{
    ++unheard_;
    if (Clock::now() < complain_at_)
        return;
    complain_at_ = Clock::now() + complaints_apart;
    spdlog::warn("worker {} sends messages that cannot be delivered: {}  id={} refused={}", label(),
                 refusal.reason, id(), unheard_);
}

// --- Going. ---

void Worker::said_drained()
{
    if (state_ == WorkerState::draining || state_ == WorkerState::stopping)
        sockets_.reclaim();
}

void Worker::said_leaving()
{
    so_far_.voluntary = !so_far_.asked;
    sockets_.reclaim();
}

void Worker::said_load(std::uint64_t busy_since, std::uint64_t taken, std::uint64_t done)
{
    if (page_)
        page_->store(busy_since, taken, done);
}

void Worker::disconnected()
{
    channel_ended_ = true;
    services_.post.close(id());
    sockets_.reclaim();
    tell_disconnect();
    if (last_signal_)
        return on(WorkerEvent::told_to_stop);
    // Mostly it is dying, and the keeper will say so. One that lives on has the time of a drain.
    on(WorkerEvent::told_to_drain);
}

void Worker::misbehaved(const std::string& sentence)
{
    spdlog::error("worker {} {}, and is ended  id={} pid={}", label(), sentence, id(),
                  pid_.value_or(0));
    so_far_.ended_for = sentence;
    on(WorkerEvent::told_to_stop);
}

void Worker::stray(std::vector<os::UniqueFd> descriptors)
{
    services_.off_loop.close(std::move(descriptors));
}

void Worker::ended(const Ending& ending)
{
    if (report_.is_open())
        read_report(); // its last word may still lie in the pipe
    Ending whole = ending;
    whole.start_failure = so_far_.start_failure;
    whole.voluntary = so_far_.voluntary;
    whole.asked = so_far_.asked;
    whole.timed_out = so_far_.timed_out;
    // What ends in its start may have closed its channel by dying, and not have lived to be ended.
    if (ending.signal == sent_ || (ending.code && sent_ && ready_at_))
        whole.ended_for = so_far_.ended_for;
    whole.uptime = uptime();
    whole.ready_for = ready_for();
    so_far_ = whole;
    on(WorkerEvent::exited);
}

} // namespace ostler
