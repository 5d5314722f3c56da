// SPDX-License-Identifier: MIT
// Who listens to what: one such list for each worker and one for the cluster.
#pragma once

#include <deque>

#include "ipc/cluster/ostler_cluster.hpp"

namespace ostler::cluster
{

struct Handlers {
    // Deques, as a handler may add one more while it runs.
    std::deque<Cluster::OnWorker> fork, online, disconnect;
    std::deque<Cluster::OnListening> listening;
    std::deque<Cluster::OnMessage> message;
    std::deque<Cluster::OnExit> exit;
    std::deque<Cluster::OnError> error;
    std::deque<Cluster::OnSetup> setup; // of the cluster alone
};

// Calls those that are there now. False: nobody listens.
template <typename Handler, typename... What>
bool call(const std::deque<Handler>& handlers, const What&... what)
{
    const auto count = handlers.size();
    for (std::size_t i = 0; i < count && i < handlers.size(); ++i)
        handlers[i](what...);
    return count != 0;
}

} // namespace ostler::cluster
