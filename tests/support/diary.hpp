// SPDX-License-Identifier: MIT
// What a Cluster tells, kept in order.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ipc/cluster/ostler_cluster.hpp"

namespace ostler::test
{

using Worker = Cluster::Worker;

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

} // namespace ostler::test
