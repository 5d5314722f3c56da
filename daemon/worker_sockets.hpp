// SPDX-License-Identifier: MIT
// What one worker holds of sockets: its share of each, by the socket's name.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "config/spec.hpp"
#include "daemon/intake.hpp"
#include "daemon/load_page.hpp"
#include "daemon/services.hpp"
#include "ipc/channel/dialect.hpp"
#include "ipc/os/alive.hpp"

namespace ostler
{

class WorkerSockets final : IntakeOwner
{
public:
    class Owner
    {
    public:
        virtual ~Owner() = default;
        [[nodiscard]] virtual std::string label() const = 0;
        [[nodiscard]] virtual bool may_listen() const = 0; // it was not told to go
        virtual void socket_replaced(const std::string& socket, os::FdRef fresh) = 0;
        virtual void socket_stuck(const std::string& socket) = 0;
    };

    // All of it outlives this.
    WorkerSockets(Services& services, Owner& owner, const ipc::Identity& identity,
                  const config::Program& program, const std::optional<LoadPage>& page)
        : services_{services}, owner_{owner}, identity_{identity}, program_{program}, page_{page}
    {
    }

    using Granted = std::variant<ipc::Grant, ipc::Refusal>;
    [[nodiscard]] Granted join(const std::string& socket); // of the spec
    void ask(const ipc::Wanted& wanted, ipc::DialectEvents::Answer answer);
    void answered(const std::string& socket) { answered_.insert(socket); }
    void close(const std::string& socket); // which reclaims
    void pause();                          // nothing more is routed to it
    void reclaim();                        // what it had not taken goes to others

    [[nodiscard]] const Listener& at(const std::string& socket) const
    {
        return *held_.at(socket).listener;
    }
    [[nodiscard]] bool of_the_spec(const std::string& socket) const;
    // All that the pool lists, or, where it lists none, any.
    [[nodiscard]] bool listens() const;
    // Those that it asked for at run time.
    [[nodiscard]] std::vector<std::shared_ptr<Listener>> asked() const;

    struct Traffic {
        std::uint64_t accepted = 0;
        unsigned pending = 0;
        std::optional<std::uint64_t> open; // unknown without a page
    };
    [[nodiscard]] Traffic traffic() const;

private:
    struct Held { // the intake refers to its listener
        std::shared_ptr<Listener> listener;
        std::unique_ptr<Intake> intake;
    };
    [[nodiscard]] std::optional<ipc::Refusal> obstacle_to(const std::string& socket) const;
    [[nodiscard]] Granted admit(const std::string& socket, std::shared_ptr<Listener> listener);
    [[nodiscard]] Granted join_inherited(int number);
    // The socket of ours that is bound there, or is it; null: none.
    [[nodiscard]] const std::string* named_by_the_spec(const config::Address& address) const;

    [[nodiscard]] std::string label() const override { return owner_.label(); }
    void listener_replaced(const std::string& socket, os::FdRef fresh) override
    {
        owner_.socket_replaced(socket, fresh);
    }
    void intake_stuck(const std::string& socket) override { owner_.socket_stuck(socket); }

    Services& services_;
    Owner& owner_;
    const ipc::Identity& identity_;
    const config::Program& program_;
    const std::optional<LoadPage>& page_;
    std::map<std::string, Held> held_;
    std::set<std::string> answered_; // the worker knows that it has it
    os::Alive alive_;
};

} // namespace ostler
