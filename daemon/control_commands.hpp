// SPDX-License-Identifier: MIT
// The verbs of the control socket: one table, verb → who may, and what is done.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/control_scope.hpp"
#include "daemon/events.hpp"
#include "daemon/logs.hpp"
#include "daemon/off_loop.hpp"
#include "daemon/operations.hpp"
#include "daemon/post.hpp"
#include "daemon/worker_filter.hpp"
#include "ipc/control/protocol.hpp"
#include "ipc/control/role.hpp"

namespace ostler
{

// Where a command says what comes before its reply, and how much of that the client has not read.
class ControlOutlet
{
public:
    virtual ~ControlOutlet() = default;
    virtual void send(control::Message message) = 0;
    [[nodiscard]] virtual bool crowded() const = 0; // more than it is wise to keep in memory
    virtual boost::asio::awaitable<void> until_roomy() = 0;

    // A stream that is sent later, when the loop comes to it. Whoever sends at once lets it catch
    // up before, so that a client hears of everything in the order in which it happened.
    class Follower
    {
    public:
        virtual void catch_up() = 0;

    protected:
        ~Follower() = default;
    };
    void join(Follower& follower) { followers_.push_back(&follower); }
    void leave(Follower& follower) { std::erase(followers_, &follower); }
    void catch_up()
    {
        for (Follower* follower : followers_)
            follower->catch_up();
    }

private:
    std::vector<Follower*> followers_;
};

// What of the daemon a session reaches. It outlives the session.
struct ControlReach {
    Operations& operations;
    Logs& logs;
    Events& events;
    Post& post;
    OffLoop& off_loop;
};

// One request on its way. It outlives the coroutine that carries it out.
struct ControlCall : ControlReach {
    ControlOutlet& outlet;
    ControllerDesk& desk;
    std::shared_ptr<const ControlScope> scope; // a controller's; null: everything
    control::Role role;
    std::uint32_t request;
    boost::json::object arguments;
    std::optional<std::string> bytes;  // attached to the request
    std::vector<os::UniqueFd> handles; // that came along; closing them may block
    os::UniqueFd returned;             // goes along with the reply

    [[nodiscard]] Progress progress() const; // each sentence becomes a packet
    [[nodiscard]] WorkerFilter filter(std::string_view target) const;
    // What to answer when there is no such pool.
    [[nodiscard]] std::optional<Outcome> unknown_pool(const WorkerFilter& filter) const;
};

struct ControlCommand {
    // What becomes of it when the client goes away before the reply.
    enum class Alone {
        ends,     // it only watched
        finishes, // half a rolling restart is worse than a whole one
    };
    std::string_view verb;
    control::Role role;
    Alone alone;
    enum class Carries {
        nothing, // beside its arguments
        message, // bytes, and perhaps a descriptor
        descriptors,
    } carries;
    boost::asio::awaitable<Outcome> (*run)(ControlCall& call);
};

[[nodiscard]] std::span<const ControlCommand> control_commands();
[[nodiscard]] const ControlCommand* find_control_command(std::string_view verb);

} // namespace ostler
