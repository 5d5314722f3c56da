// SPDX-License-Identifier: MIT
// What a control session may ask of the daemon. One function a verb; the control server knows
// nothing else of it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/control_scope.hpp"
#include "ipc/channel/message.hpp"

namespace ostler
{

// How a command ended: an exit code of the command line (ipc/control/exit_code.hpp), a sentence,
// and data for --json.
struct Outcome {
    int exit = 0;
    std::string message;
    boost::json::object data;
};

// Tells the one who waits how far it is, a sentence at a time. May be empty.
using Progress = std::function<void(const std::string& sentence)>;

class Operations
{
public:
    template <typename T>
    using awaitable = boost::asio::awaitable<T>;
    virtual ~Operations() = default;
    // The same for a controller: what is not in its scope does not exist, and what is of the daemon
    // as a whole is not permitted. Not longer than this lives.
    [[nodiscard]] virtual std::unique_ptr<Operations>
    within(std::shared_ptr<const ControlScope> scope) = 0;

    virtual Outcome
    status(std::optional<std::string> pool) = 0; // data is the design's `status --json`
    virtual awaitable<Outcome>
    wait_ready(Progress progress) = 0; // until ready_when is met, or it cannot be
    virtual awaitable<Outcome> reload(bool dry_run, Progress progress) = 0;
    enum class Haste {
        none,
        now, // what runs is not waited for: workers get their signal; those that have it are killed
    };
    virtual awaitable<Outcome> stop_pool(std::string pool, Haste haste, Progress progress) = 0;
    virtual awaitable<Outcome> start_pool(std::string pool, Progress progress) = 0;
    virtual awaitable<Outcome> restart(std::optional<std::string> pool_or_worker,
                                       Progress progress) = 0;
    virtual awaitable<Outcome> scale(std::string pool, unsigned workers, Progress progress) = 0;
    using Variables = std::vector<std::pair<std::string, std::string>>;
    // One more worker than desired; data has its id, slot and pid.
    virtual awaitable<Outcome> fork(std::string pool, Variables env) = 0;
    // What later forks are started with; without settings nothing changes. data has all of them.
    // The numbers in its `stdio` say which of the descriptors goes where.
    virtual awaitable<Outcome> setup(std::string pool, std::optional<boost::json::object> settings,
                                     std::vector<os::UniqueFd> descriptors) = 0;
    // Drains it for good. With a signal, that is sent once its channel has ended.
    virtual Outcome disconnect(std::string worker, std::optional<int> signal) = 0;
    virtual Outcome kill(std::string worker, int signal) = 0; // now; the policy decides about more
    // To one worker, those of a pool, or all. The handle is lent.
    virtual Outcome send(std::optional<std::string> pool_or_worker,
                         const ipc::Message& message) = 0;
    virtual Outcome stop_daemon(
        Haste haste) = 0; // begins it; the session's end, and then the keeper's, is the answer
};

} // namespace ostler
