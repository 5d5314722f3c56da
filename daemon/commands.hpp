// SPDX-License-Identifier: MIT
// The operator's commands, carried out on the daemon.
#pragma once

#include <memory>

#include "config/tree.hpp"
#include "daemon/operations.hpp"
#include "daemon/pool.hpp"
#include "daemon/turns.hpp"

namespace ostler
{

class Daemon;

class Commands final : public Operations
{
public:
    explicit Commands(Daemon& daemon, std::shared_ptr<const ControlScope> scope = {});

    [[nodiscard]] std::unique_ptr<Operations>
    within(std::shared_ptr<const ControlScope> scope) override;

    Outcome status(std::optional<std::string> pool) override;
    awaitable<Outcome> wait_ready(Progress progress) override;
    awaitable<Outcome> reload(bool dry_run, Progress progress) override;
    awaitable<Outcome> stop_pool(std::string pool, Haste haste, Progress progress) override;
    awaitable<Outcome> start_pool(std::string pool, Progress progress) override;
    awaitable<Outcome> restart(std::optional<std::string> pool_or_worker,
                               Progress progress) override;
    awaitable<Outcome> scale(std::string pool, unsigned workers, Progress progress) override;
    awaitable<Outcome> fork(std::string pool, Variables env) override;
    awaitable<Outcome> setup(std::string pool, std::optional<boost::json::object> settings,
                             std::vector<os::UniqueFd> descriptors) override;
    Outcome disconnect(std::string worker, std::optional<int> signal) override;
    Outcome kill(std::string worker, int signal) override;
    Outcome send(std::optional<std::string> pool_or_worker, const ipc::Message& message) override;
    Outcome stop_daemon(Haste haste) override;

private:
    [[nodiscard]] Turns& turns();
    [[nodiscard]] Turns& fork_turns();
    // Nothing outside of the scope is found or seen.
    [[nodiscard]] Pool* find_pool(const std::string& name) const;
    [[nodiscard]] std::vector<Pool*> pools() const;
    [[nodiscard]] bool ready() const;
    [[nodiscard]] bool may_become_ready() const;
    [[nodiscard]] Outcome not_for_controllers(const std::string& what) const;
    struct Place { // a pool, or one slot of it
        Pool* pool = nullptr;
        std::optional<unsigned> slot;
    };
    [[nodiscard]] Place find(const std::string& pool_or_worker) const;
    // A place with a living worker; else the sentence says why not.
    [[nodiscard]] Slot* find_worker(const std::string& worker, std::string& problem) const;
    [[nodiscard]] std::vector<ipc::Destination>
    destinations(const std::optional<std::string>& pool_or_worker) const;
    [[nodiscard]] std::string unknown(const std::string& name) const;
    struct Settlement;
    [[nodiscard]] Handles share(std::vector<os::UniqueFd> descriptors);
    [[nodiscard]] config::Parsed<Pool::ForkSettings> lay_over(const Pool::ForkSettings& before,
                                                              const config::ValuePtr& change,
                                                              Handles handles) const;
    [[nodiscard]] awaitable<std::shared_ptr<const Settlement>>
    settle(std::shared_ptr<const config::Pool> pool, const Pool::ForkSettings& settings);
    struct Begun { // a fork: who it is, or why there is none
        WorkerId worker = 0;
        unsigned slot = 0;
        std::string problem;
        int exit = 0; // what the problem is answered with
    };
    [[nodiscard]] awaitable<Begun> begin_fork(std::string pool, Variables env);
    [[nodiscard]] std::string why_not_fork(const Pool* pool, const std::string& name) const;
    [[nodiscard]] std::string why_not_start(const config::Program& program, const Pool& pool) const;
    awaitable<Outcome> until_ready(std::string pool, std::string done);
    awaitable<std::string> restart_pool(std::string pool, Progress progress);
    awaitable<std::string> restart_slot(std::string pool, unsigned slot, Progress progress);

    Daemon& daemon_;
    std::shared_ptr<const ControlScope> scope_; // null: everything
    Turns own_turns_;                           // where a controller waits first
    Turns own_fork_turns_;                      // of setup and fork
};

} // namespace ostler
