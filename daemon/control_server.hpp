// SPDX-License-Identifier: MIT
// The operator's side door: takes connections to the control socket and keeps a bounded number of
// them, so that whoever holds many, or is silent, locks nobody else out. Controllers of the spec
// get theirs here.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "daemon/control_session.hpp"

namespace ostler
{

struct ControlLimits {
    std::size_t sessions = 256;
    std::chrono::steady_clock::duration patience = std::chrono::seconds{30};
};

class ControlServer final : public ControllerDesk
{
public:
    // `listening` is looked at: whoever holds the path and its lock keeps it (ControlSocket).
    ControlServer(boost::asio::any_io_executor executor, os::FdRef listening, ControlReach reach,
                  config::Control access, ControlLimits limits = {});

    void start();
    // Ends every session, commands on their way included. What was answered before arrives.
    boost::asio::awaitable<void> stop();

    void set_access(config::Control access); // from the next request on
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

    [[nodiscard]] Connected admit(const std::shared_ptr<const ControlScope>& scope) override;
    [[nodiscard]] Connected connect(const std::shared_ptr<const ControlScope>& scope) override;
    [[nodiscard]] std::size_t holds(const ControlScope& scope) const override;
    void disconnect(std::uint64_t worker) override;

private:
    using SessionId = std::uint64_t; // counts up: the smallest is the oldest
    using Sessions = std::map<SessionId, std::unique_ptr<ControlSession>>;

    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(SessionId id);
    [[nodiscard]] bool accept_one();
    void admit(os::UniqueFd connection);
    void keep(std::unique_ptr<ControlSession> session);
    [[nodiscard]] std::shared_ptr<Operations> everything() const;
    [[nodiscard]] bool make_room(uid_t newcomer);
    [[nodiscard]] uid_t greediest() const;
    [[nodiscard]] ControlSession* least_used(uid_t owner) const;

    boost::asio::any_io_executor executor_;
    boost::asio::posix::stream_descriptor listening_;
    ControlContext context_;
    ControlLimits limits_;
    Sessions sessions_;
    SessionId last_session_ = 0;
    // What each may do, by its worker, while that lives: one for all of its sessions.
    std::map<std::uint64_t, std::shared_ptr<Operations>> controllers_;
    TaskGroup serving_;
    TaskGroup accepting_;
};

} // namespace ostler
