// SPDX-License-Identifier: MIT
// A socket of the spec, bound: accepts for its workers (round-robin), or is given to them (shared),
// and watches that it stays alive.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "config/spec.hpp"
#include "daemon/intake.hpp"
#include "daemon/load_page.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"

namespace ostler
{

class Listener
{
public:
    struct Counters {
        std::uint64_t accepted = 0; // by the master
        std::uint64_t passed = 0;   // handed to workers
        std::uint64_t taken_back = 0;
        std::uint64_t shed = 0;               // accepted and reset: overflow, patience
        std::uint64_t out_of_descriptors = 0; // times accepting had to wait for a descriptor
        std::uint64_t rebound = 0;
    };

    // Binds as the spec says. A failure is a sentence for the operator: address, why, and who holds
    // it where that can be found.
    struct Failure {
        std::string sentence;
    };
    // `leaving`: sockets of ours that will go once this one serves; their addresses may overlap.
    [[nodiscard]] static std::unique_ptr<Listener> bind(boost::asio::any_io_executor executor,
                                                        const config::Socket& spec,
                                                        Failure& failure,
                                                        std::span<const os::FdRef> leaving = {});
    // From a descriptor that exists already (reload keeps it, later adoption).
    [[nodiscard]] static std::unique_ptr<Listener> adopt(boost::asio::any_io_executor executor,
                                                         const config::Socket& spec,
                                                         os::UniqueFd bound, Failure& failure);
    virtual ~Listener() = default;

    // The same socket once more, to be spread another way; workers that are on this listener stay
    // with it until they go. Null: the failure says why, and this one goes on alone.
    [[nodiscard]] virtual std::unique_ptr<Listener> respread(const config::Socket& spec,
                                                             Failure& failure) = 0;

    // How it spreads: decided by the pools on it before the first worker is admitted.
    // `all_take_hand_overs`: every pool that lists this socket speaks a protocol with a queue.
    // Resolves `auto` to round_robin or shared.
    virtual void settle(bool all_take_hand_overs) = 0;
    [[nodiscard]] virtual config::Scheduling scheduling() const = 0;

    // A worker's share. `owner` and `page` outlive the intake; no page: a worker that has none,
    // which can only share. May fail for want of descriptors.
    [[nodiscard]] virtual os::Result<std::unique_ptr<Intake>> admit(IntakeOwner& owner,
                                                                    const LoadPage* page) = 0;

    [[nodiscard]] virtual const config::Socket& spec() const = 0;
    virtual void
    update(const config::Socket& changed) = 0; // same address: backlog, options, overflow, patience
    [[nodiscard]] virtual std::string
    address() const = 0; // as bound, the port filled in: "tcp://127.0.0.1:8080"
    [[nodiscard]] virtual bool datagram() const = 0;
    [[nodiscard]] virtual os::FdRef descriptor() const = 0;
    [[nodiscard]] virtual const Counters& counters() const = 0;
    [[nodiscard]] virtual unsigned
    backlog_waiting() const = 0; // in the kernel's queue now; 0 where it cannot tell

    virtual void stop_accepting() = 0; // the daemon stops: whoever waits in the backlog is refused
                                       // when it closes
};

} // namespace ostler
