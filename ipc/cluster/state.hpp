// SPDX-License-Identifier: MIT
// What is known of a worker: as far as it was told.
#pragma once

#include <memory>
#include <optional>

#include "ipc/cluster/handlers.hpp"

namespace ostler::cluster
{

enum class Stage { forked, online, disconnected, gone };

struct State {
    Cluster::WorkerId id = 0;
    std::weak_ptr<Core> core = {};
    Stage stage = Stage::forked;
    std::optional<int> pid = {};
    bool told_to_go = false; // by this program
    std::optional<bool> exited_after_disconnect = {};
    Handlers handlers = {};
};

} // namespace ostler::cluster
