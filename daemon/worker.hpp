// SPDX-License-Identifier: MIT
// One process, from the wish to start it to the word of the keeper that it is gone.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "config/spec.hpp"
#include "daemon/deadline.hpp"
#include "daemon/ending.hpp"
#include "daemon/load_page.hpp"
#include "daemon/services.hpp"
#include "daemon/worker_lifecycle.hpp"
#include "daemon/worker_sockets.hpp"
#include "ipc/channel/dialect.hpp"

namespace ostler
{

class Worker;

// The slot, which hears what becomes of its worker. Called from the loop.
class WorkerOwner
{
public:
    virtual ~WorkerOwner() = default;
    virtual void worker_ready(Worker& worker) = 0;
    virtual void worker_gone(Worker& worker,
                             const Ending& ending) = 0; // the last call; may destroy the worker
    // Its socket was bound anew and it cannot be told: it should be replaced.
    virtual void worker_outdated(Worker& worker) = 0;
};

class Worker final : KeeperLink::Ward, ipc::DialectEvents, WorkerSockets::Owner, Post::Mailbox
{
public:
    // `spec` is what it is started from, whatever the pool's becomes later; the handles are those
    // that its `stdio` speaks of, if it does.
    Worker(Services& services, WorkerOwner& owner, std::shared_ptr<const config::Pool> spec,
           Handles handles, unsigned slot, unsigned generation);
    ~Worker() override;
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void start(); // a failure arrives as worker_gone, never at once
    void drain(); // finish, then go; by the spec's times
    // From now on this signal ends it instead of the spec's, and as soon as its channel has ended.
    void end_with(int signal) { last_signal_ = signal; }
    void stop();           // go now; a second time: die now
    void kill_ourselves(); // without the keeper, who is gone

    [[nodiscard]] WorkerId id() const { return identity_.worker; }
    [[nodiscard]] WorkerState state() const { return state_; }
    [[nodiscard]] unsigned generation() const { return identity_.generation; }
    [[nodiscard]] const std::shared_ptr<const config::Pool>& spec() const { return spec_; }
    [[nodiscard]] std::optional<pid_t> pid() const { return pid_; }
    [[nodiscard]] Clock::duration uptime() const { return Clock::now() - started_at_; }
    [[nodiscard]] Clock::duration ready_for() const;
    [[nodiscard]] std::string label() const override; // "api/3"
    // Whether its events of these names have been told.
    [[nodiscard]] bool told_online() const { return told_online_; }
    [[nodiscard]] bool told_disconnect() const { return told_disconnect_; }

    [[nodiscard]] const WorkerSockets& sockets() const { return sockets_; }

private:
    void tell(EventKind kind, boost::json::object details = {}) const;
    void tell_online();
    void tell_listening(const std::string& socket) const;
    void tell_disconnect();
    void tell_exit();
    void on(WorkerEvent event);
    void perform(WorkerEffect effect);
    void announce();
    void begin_drain();
    void terminate();
    void kill();
    void retire();
    void due_in(Clock::duration time); // arms the deadline of the present state

    std::string try_to_launch();
    std::string launch(); // a sentence when it cannot be done
    std::string add_control(ipc::Outfit& outfit);
    void watch_report(os::UniqueFd pipe);
    void read_report();
    void check_ready();
    void fail_start(const std::string& sentence);

    // What the keeper says.
    void started(pid_t pid, os::UniqueFd pidfd) override;
    void not_started(int error) override;
    void ended(const Ending& ending) override;

    // What the worker says.
    void said_online(const std::string& library) override;
    std::variant<ipc::Grant, ipc::Refusal> asked_for(const std::string& socket) override
    {
        return sockets_.join(socket);
    }
    void asked_for(const ipc::Wanted& wanted, Answer answer) override
    {
        sockets_.ask(wanted, std::move(answer));
    }
    void said_listening(const std::string& socket) override;
    void said_closed(const std::string& socket) override { sockets_.close(socket); }
    void said_ready() override;
    void said_drained() override;
    void said_leaving() override;
    void said_load(std::uint64_t busy_since, std::uint64_t taken, std::uint64_t done) override;
    std::variant<unsigned, ipc::Refusal> said(const ipc::Destination& to,
                                              ipc::Message message) override;
    void said_in_vain(const ipc::Refusal& refusal) override;
    void disconnected() override;
    void misbehaved(const std::string& sentence) override;
    void stray(std::vector<os::UniqueFd> descriptors) override;

    // What others say to it.
    [[nodiscard]] ipc::Delivery deliver(const ipc::Sender& from,
                                        const ipc::Message& message) override;

    // What its sockets say.
    [[nodiscard]] bool may_listen() const override;
    void socket_replaced(const std::string& socket, os::FdRef fresh) override;
    void socket_stuck(const std::string& socket) override;

    Services& services_;
    WorkerOwner& owner_;
    std::shared_ptr<const config::Pool> spec_;
    Handles handles_; // until it is started
    ipc::Identity identity_;
    WorkerState state_ = WorkerState::starting;
    Clock::time_point started_at_ = Clock::now();
    std::optional<Clock::time_point> ready_at_;
    std::optional<pid_t> pid_;
    os::UniqueFd pidfd_;
    std::optional<LoadPage> page_;
    std::unique_ptr<ipc::Dialect> dialect_;
    WorkerSockets sockets_; // they refer to page_
    Ending so_far_;         // what is known of its end before it came
    bool spawned_ = false;  // exec has succeeded
    bool online_ = false;
    bool told_online_ = false;
    bool told_disconnect_ = false;
    std::optional<int> last_signal_; // instead of the spec's
    std::optional<int> sent_;        // the last signal that it had from us
    bool notified_ = false;
    bool channel_ended_ = false;
    std::uint64_t unheard_ = 0; // messages that were refused without a word
    Clock::time_point complain_at_{};
    Deadline deadline_;
    boost::asio::posix::stream_descriptor report_;
    os::Alive alive_;
};

} // namespace ostler
