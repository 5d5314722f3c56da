// SPDX-License-Identifier: MIT
// A daemon with pools of puppets, a Cluster on it, and what the Cluster told.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ipc/cluster/ostler_cluster.hpp"
#include "tests/integration/puppet.hpp"

namespace ostler::test
{

using Worker = Cluster::Worker;

inline Cluster join(const Daemon& daemon, const std::string& pool = "a")
{
    Cluster::Options options;
    options.path = daemon.control();
    options.patience = patience;
    return {pool, options};
}

// Every event of a cluster, a line each: "fork 1", "exit 1 code=0".
class Diary
{
public:
    explicit Diary(Cluster& cluster)
    {
        cluster.on_fork([this](const Worker& worker) { note("fork", worker); });
        cluster.on_online([this](const Worker& worker) { note("online", worker); });
        cluster.on_listening(
            [this](const Worker& worker, const Cluster::Address&) { note("listening", worker); });
        cluster.on_message([this](const Worker& worker, const Cluster::Message& message) {
            note("message", worker, " " + message.bytes);
        });
        cluster.on_disconnect([this](const Worker& worker) { note("disconnect", worker); });
        cluster.on_exit([this](const Worker& worker, const Cluster::Exit& exit) {
            note("exit", worker,
                 exit.code ? " code=" + std::to_string(*exit.code) : " signal=" + exit.signal);
        });
        cluster.on_error([this](const Worker& worker, const Error& error) {
            note("error", worker, std::string{" "} + error.what());
        });
    }
    Diary(const Diary&) = delete;
    Diary& operator=(const Diary&) = delete;

    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
    [[nodiscard]] bool has(const std::string& line) const
    {
        return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    }

private:
    void note(const std::string& what, const Worker& worker, const std::string& more = {})
    {
        lines_.push_back(what + (worker ? " " + std::to_string(worker.id()) : "") + more);
    }
    std::vector<std::string> lines_;
};

// Until it is dead; false when that takes too long.
inline bool dies(Cluster& cluster, const Worker& worker)
{
    return cluster.run_until([&] { return worker.is_dead(); }, patience);
}

// A forked worker that listens.
inline Worker listening(Cluster& cluster, const Cluster::Environment& environment = {})
{
    const Worker worker = cluster.fork(environment);
    bool listens = false;
    worker.on_listening([&](const Worker&, const Cluster::Address&) { listens = true; });
    if (!cluster.run_until([&] { return listens; }, patience))
        throw std::runtime_error("a forked worker does not listen");
    return worker;
}

} // namespace ostler::test
