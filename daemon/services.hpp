// SPDX-License-Identifier: MIT
// What every worker, slot and pool needs of the daemon. All of it outlives them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "daemon/asked_sockets.hpp"
#include "daemon/condition.hpp"
#include "daemon/control_scope.hpp"
#include "daemon/events.hpp"
#include "daemon/keeper_link.hpp"
#include "daemon/listener.hpp"
#include "daemon/logs.hpp"
#include "daemon/off_loop.hpp"
#include "daemon/post.hpp"

namespace ostler
{

using Clock = std::chrono::steady_clock;

class ListenerDirectory
{
public:
    virtual ~ListenerDirectory() = default;
    // As a worker of this generation knows it. Shared, as a listener that a reload replaced lives
    // on until its last worker has gone. Null: no such socket.
    [[nodiscard]] virtual std::shared_ptr<Listener> find(const std::string& name,
                                                         unsigned generation) const = 0;
    // By which name the service manager has passed its descriptor of this number; empty: it has
    // not.
    [[nodiscard]] virtual std::string inherited_name(int number) const = 0;
};

// What a controller has sent along for its forks. Shared, as each of them is born with it.
using Handles = std::shared_ptr<const std::vector<os::UniqueFd>>;

struct Services {
    boost::asio::any_io_executor executor;
    KeeperLink& keeper;
    Logs& logs;
    Events& events;
    OffLoop& off_loop;
    Post& post;
    AskedSockets& asked;
    ControllerDesk& controllers;
    Condition& changed; // notified whenever a worker or slot changes its state
    const ListenerDirectory& listeners;
    pid_t keeper_pid;
    WorkerId last_worker = 0; // ids count up and are never reused
    std::minstd_rand random{std::random_device{}()};

    [[nodiscard]] WorkerId next_worker() { return ++last_worker; }
    [[nodiscard]] double chance() { return std::uniform_real_distribution{0.0, 1.0}(random); }
};

} // namespace ostler
