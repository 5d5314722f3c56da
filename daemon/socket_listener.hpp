// SPDX-License-Identifier: MIT
// The listener of a bound socket: settles how it spreads, and keeps it alive.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/dispatcher.hpp"
#include "daemon/listener.hpp"
#include "daemon/readiness.hpp"
#include "daemon/rebinding.hpp"
#include "daemon/sparing.hpp"
#include "ipc/os/alive.hpp"
#include "ipc/os/endpoint.hpp"
#include "ipc/os/socket.hpp"

namespace ostler
{

class SharedIntake;

class SocketListener final : public Listener
{
public:
    // What the listeners of one socket have in common: usually one, two while it is being spread
    // another way.
    struct Bound {
        os::UniqueFd fd; // listens already, unless it is a datagram socket
        std::shared_ptr<os::UnixFile> file;
        Dispatcher::Trust trust = Dispatcher::Trust::ours_alone;
    };
    // How it is bound anew where not everybody's file may be made, and that may take a while.
    using Rebound = std::function<void(os::Result<Bound>)>; // called from the loop
    using Rebind = std::function<void(Rebound)>;
    // A failure is a sentence.
    [[nodiscard]] static std::unique_ptr<SocketListener> make(boost::asio::any_io_executor executor,
                                                              const config::Socket& spec,
                                                              Bound bound, Failure& failure,
                                                              Rebind rebind = {});
    SocketListener(boost::asio::any_io_executor executor, config::Socket spec, Bound bound,
                   os::Endpoint where, std::unique_ptr<Readiness> readiness, Rebind rebind);
    ~SocketListener() override;

    [[nodiscard]] std::unique_ptr<Listener> respread(const config::Socket& spec,
                                                     Failure& failure) override;

    void settle(bool all_take_hand_overs) override;
    [[nodiscard]] config::Scheduling scheduling() const override { return scheduling_; }
    [[nodiscard]] os::Result<std::unique_ptr<Intake>> admit(IntakeOwner& owner,
                                                            const LoadPage* page) override;

    [[nodiscard]] const config::Socket& spec() const override { return spec_; }
    void update(const config::Socket& changed) override;
    [[nodiscard]] std::string address() const override { return where_.text(); }
    [[nodiscard]] bool datagram() const override;
    [[nodiscard]] os::FdRef descriptor() const override { return bound_.fd.borrow(); }
    [[nodiscard]] const Counters& counters() const override { return counters_; }
    [[nodiscard]] unsigned backlog_waiting() const override;
    void stop_accepting() override;

    void leave(const SharedIntake& intake); // by the intake

private:
    void apply_options();
    void was_shut();
    void let_go();
    void bind_later();
    void bind_again();
    [[nodiscard]] os::Result<Bound> bind_again_here();
    void bound_again(os::Result<Bound> fresh);
    void cannot_bind(os::Error error);
    void now_bound(Bound fresh);
    [[nodiscard]] std::vector<SharedIntake*> holders() const { return holders_; }
    [[nodiscard]] std::string holders_named() const;

    boost::asio::any_io_executor executor_;
    config::Socket spec_;
    Bound bound_;
    os::Endpoint where_; // as bound: the port is known
    Rebind rebind_;
    config::Scheduling scheduling_ = config::Scheduling::automatic;
    Counters counters_;
    std::unique_ptr<Readiness> readiness_;
    Dispatcher dispatcher_;
    std::weak_ptr<const char> successor_; // the same socket, spread another way: keeps it alive
    std::vector<SharedIntake*> holders_;
    bool stopped_ = false;

    Rebinding rebinding_;
    Sparing warnings_;
    Sparing failures_;
    boost::asio::steady_timer timer_;
    os::Alive alive_;
};

} // namespace ostler
