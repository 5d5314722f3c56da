// SPDX-License-Identifier: MIT
// The supervisor: owns sockets, pools and all that serves them, from the start to the last worker's
// end.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/spec.hpp"
#include "daemon/asked_sockets.hpp"
#include "daemon/commands.hpp"
#include "daemon/control_server.hpp"
#include "daemon/control_socket.hpp"
#include "daemon/keeper_link.hpp"
#include "daemon/manager_link.hpp"
#include "daemon/pool.hpp"
#include "daemon/post.hpp"
#include "daemon/services.hpp"
#include "daemon/signals.hpp"
#include "daemon/sockets.hpp"
#include "daemon/spec_watch.hpp"
#include "daemon/task_group.hpp"
#include "daemon/turns.hpp"

namespace ostler
{

// What it is started with. The control socket is ours already, so that two daemons never bind the
// same sockets.
struct DaemonSettings {
    config::Spec spec;
    config::LoadOptions load;
    os::UniqueFd keeper;
    pid_t keeper_pid = 0;
    ControlSocket control;
    InheritedSockets inherited;
    bool managed = false; // a service manager listens to what the keeper relays
    std::optional<std::chrono::microseconds> watchdog; // how often it wants to hear of us
};

class Daemon final : KeeperLink::Events, Pool::Owner, ControllerDesk
{
public:
    Daemon(boost::asio::io_context& loop, DaemonSettings settings);
    ~Daemon() override;

    // Binds the sockets and starts the pools. A sentence when that cannot be; then nothing was
    // started.
    [[nodiscard]] std::string start();
    // Ends the loop when no worker is left; the keeper was told with which code.
    void stop();
    void stop(int code);
    void hurry(); // … and does not wait for what runs

    enum class Wish { show, apply, apply_edit }; // an edit alone: not what removes something
    [[nodiscard]] boost::asio::awaitable<Outcome> reload(Wish wish, Progress progress);

    [[nodiscard]] const config::Spec& spec() const { return spec_; }
    [[nodiscard]] const config::LoadOptions& load_options() const { return load_; }
    [[nodiscard]] const Sockets& sockets() const { return sockets_; }
    [[nodiscard]] const AskedSockets& asked() const { return asked_; }
    [[nodiscard]] const std::vector<std::unique_ptr<Pool>>& pools() const { return pools_; }
    [[nodiscard]] Pool* find_pool(const std::string& name) const;
    [[nodiscard]] Services& services() { return services_; }
    [[nodiscard]] std::uint64_t last_event() const { return services_.events.last(); }
    [[nodiscard]] Turns& turns() { return turns_; }
    [[nodiscard]] Turns& fork_turns() { return fork_turns_; }
    [[nodiscard]] unsigned generation() const { return generation_; }
    [[nodiscard]] pid_t keeper_pid() const { return services_.keeper_pid; }
    [[nodiscard]] Clock::duration uptime() const { return Clock::now() - started_at_; }
    [[nodiscard]] bool ready() const;
    [[nodiscard]] bool may_become_ready() const; // by itself
    [[nodiscard]] int exit_code() const { return exit_code_; }
    [[nodiscard]] bool stopping() const { return phase_ != Phase::running; }
    [[nodiscard]] const std::string& last_reload_error() const { return last_reload_error_; }
    [[nodiscard]] const std::string& waiting_edit() const { return waiting_edit_; }

private:
    friend class Reload; // changes spec, sockets and pools, in one place

    enum class Phase { running, draining, hurrying };

    [[nodiscard]] std::unique_ptr<Pool> make_pool(const config::Pool& spec);
    void name_unused_sockets() const;
    void on_signal(int number);
    void beat();
    void watch_spec();
    void spec_edited();
    boost::asio::awaitable<void> reload_unasked(Wish wish);
    [[nodiscard]] Outcome refuse_spec(const config::Loaded& loaded, Wish wish);
    void add_pools_behind(config::Difference& difference) const;
    [[nodiscard]] Outcome hold_edit(const config::Difference& difference);
    void note_reload(std::string error);
    boost::asio::awaitable<void> tell_manager();
    boost::asio::awaitable<void> drain_and_end();
    boost::asio::awaitable<void> let_queues_empty();
    [[nodiscard]] bool queues_empty() const;
    [[nodiscard]] std::size_t pools_asked_for() const; // that must be ready for us to be it
    [[nodiscard]] std::string sentence() const;        // for the manager's STATUS
    [[nodiscard]] std::string trouble() const;         // its end, where a pool is down
    void end();
    boost::asio::awaitable<void> end_tasks();

    void keeper_gone() override;
    void pool_wants_exit(Pool& pool) override;
    [[nodiscard]] TakenPorts ports_taken_beside(const Pool& pool) const override;
    [[nodiscard]] Connected admit(const std::shared_ptr<const ControlScope>& scope) override
    {
        return control_.admit(scope);
    }
    [[nodiscard]] Connected connect(const std::shared_ptr<const ControlScope>& scope) override
    {
        return control_.connect(scope);
    }
    [[nodiscard]] std::size_t holds(const ControlScope& scope) const override
    {
        return control_.holds(scope);
    }
    void disconnect(WorkerId controller) override { control_.disconnect(controller); }

    boost::asio::io_context& loop_;
    Signals signals_;   // first: whoever starts threads comes after it
    config::Spec spec_; // what runs
    config::LoadOptions load_;
    Clock::time_point started_at_ = Clock::now();
    Phase phase_ = Phase::running;
    int exit_code_ = 0;
    unsigned generation_ = 1;
    std::string last_reload_error_;
    std::string waiting_edit_; // an edit that waits for `reload`, and why
    Condition changed_;
    Turns turns_;
    Turns fork_turns_; // of setup and fork, which others need not wait for
    OffLoop off_loop_;
    Post post_;
    KeeperLink keeper_;
    ManagerLink manager_;
    std::unique_ptr<Logs> logs_;
    ostler::Events events_; // not the base class's name for what the keeper says
    Sockets sockets_;
    AskedSockets asked_;
    Services services_;
    std::vector<std::unique_ptr<Pool>> pools_; // in the order of the spec
    Commands commands_;
    ControlSocket control_socket_;
    ControlServer control_;
    std::unique_ptr<SpecWatch> watch_;
    boost::asio::steady_timer beat_;
    os::Alive alive_;
    TaskGroup tasks_;
};

} // namespace ostler
