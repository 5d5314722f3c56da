// SPDX-License-Identifier: MIT
// From the spec that runs to another one, touching only what differs. One at a time (Turns).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "config/diff.hpp"
#include "config/spec.hpp"
#include "daemon/operations.hpp"

namespace ostler
{

class Daemon;
class Pool;

class Reload
{
public:
    // All of it outlives the call of run().
    Reload(Daemon& daemon, config::Spec next, config::Difference difference, Progress progress);

    // Sockets first: what cannot be bound changes nothing. Then pools, each on its own; one whose
    // new workers do not come up goes back to what it was, sockets included, and the outcome says
    // so. Broken off when the daemon stops.
    [[nodiscard]] boost::asio::awaitable<Outcome> run();

private:
    void change_settings(); // of pools that only are supervised another way, and of the daemon
    void add_pools();
    void remove_pools();
    boost::asio::awaitable<void> replace_pools();
    boost::asio::awaitable<void> until_scaled_are_settled();
    boost::asio::awaitable<void> until_added_are_ready();
    boost::asio::awaitable<void> until_removed_are_gone();
    void put_pools_in_order();
    void keep_old_entry(const std::string& pool);
    void give_sockets_back();
    void keep_old_socket(const std::string& socket);
    void close_unneeded_sockets();
    [[nodiscard]] bool went_back(const std::string& pool) const;
    [[nodiscard]] bool has_new_workers(const std::string& socket) const;
    [[nodiscard]] const config::Pool& wanted(const std::string& pool) const;

    Daemon& daemon_;
    config::Spec next_;
    config::Difference difference_;
    Progress progress_;
    std::vector<std::string> problems_;
    std::vector<std::string> went_back_; // pools
};

} // namespace ostler
