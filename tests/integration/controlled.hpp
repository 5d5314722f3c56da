// SPDX-License-Identifier: MIT
// A daemon with pools of puppets, a Cluster on it, and what the Cluster told.
#pragma once

#include <stdexcept>
#include <string>

#include "ipc/cluster/ostler_cluster.hpp"
#include "tests/integration/puppet.hpp"
#include "tests/support/diary.hpp"

namespace ostler::test
{

inline Cluster join(const Daemon& daemon, const std::string& pool = "a")
{
    Cluster::Options options;
    options.path = daemon.control();
    options.patience = patience;
    return {pool, options};
}

// Until it is dead; false when that takes too long.
inline bool dies(Cluster& cluster, const Worker& worker)
{
    return cluster.run_until([&] { return worker.is_dead(); }, patience);
}

// A forked worker that listens.
inline Worker listening(Cluster& cluster, const Cluster::Environment& environment = {})
{
    Worker worker = cluster.fork(environment);
    bool listens = false;
    worker.on_listening([&](const Worker&, const Cluster::Address&) { listens = true; });
    if (!cluster.run_until([&] { return listens; }, patience))
        throw std::runtime_error("a forked worker does not listen");
    return worker;
}

} // namespace ostler::test
