// SPDX-License-Identifier: MIT
// The sockets of the spec that are open, by name. A change is prepared first, so that what cannot
// be bound changes nothing.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/diff.hpp"
#include "config/spec.hpp"
#include "daemon/services.hpp"

namespace ostler
{

class Sockets final : public ListenerDirectory
{
public:
    explicit Sockets(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    // Binds what `next` has and is not open yet. Empty, or why not, in a sentence; then nothing is
    // left of the attempt.
    [[nodiscard]] std::string prepare(const config::Spec& next,
                                      const config::Difference& difference);
    // What was prepared takes its place. Sockets that are no longer wanted leave this list; they
    // stay open until the last worker that was started with them has gone.
    void commit(const config::Spec& next);

    [[nodiscard]] std::shared_ptr<Listener> find(const std::string& name) const override;
    [[nodiscard]] std::vector<std::shared_ptr<Listener>>
    in_order_of(const config::Spec& spec) const;
    void stop_accepting();
    void close() { open_.clear(); }

private:
    [[nodiscard]] std::shared_ptr<Listener> bind(const config::Socket& socket,
                                                 std::string& problem);
    [[nodiscard]] std::shared_ptr<Listener> copy_of(Listener& open, const config::Socket& socket,
                                                    std::string& problem);

    boost::asio::any_io_executor executor_;
    std::map<std::string, std::shared_ptr<Listener>> open_;
    std::map<std::string, std::shared_ptr<Listener>> prepared_;
};

// Whether every pool on this socket can be handed connections, which decides what `auto` means.
[[nodiscard]] bool takes_hand_overs(const config::Spec& spec, const std::string& socket);

} // namespace ostler
