// SPDX-License-Identifier: MIT
// The sockets of the spec that are open, by name. A change is prepared first, so that what cannot
// be bound changes nothing. What it replaces stays for the workers of the generations before, until
// none of them can be started any more: a rollout that fails goes back to it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/diff.hpp"
#include "config/spec.hpp"
#include "daemon/inherited_sockets.hpp"
#include "daemon/services.hpp"

namespace ostler
{

class Sockets final : public ListenerDirectory
{
public:
    Sockets(boost::asio::any_io_executor executor, InheritedSockets inherited)
        : executor_{std::move(executor)}, inherited_{std::move(inherited)}
    {
    }

    // Binds what `next` has and is not open yet. Empty, or why not, in a sentence; then nothing is
    // left of the attempt.
    [[nodiscard]] std::string prepare(const config::Spec& next,
                                      const config::Difference& difference);
    // What was prepared takes its place, for workers of this generation and later ones.
    void commit(const config::Spec& next, unsigned generation);
    // The change of one socket is undone: from now on it is what it was for `generation`.
    void go_back(const std::string& name, unsigned generation);
    // Only the newest, and what these see, is kept for those to come. Workers that have it keep the
    // rest open until they have gone.
    using Seen = std::set<std::pair<std::string, unsigned>>; // socket, generation
    void keep_only(const Seen& needed);

    // The newest; null: not in the spec that runs.
    [[nodiscard]] std::shared_ptr<Listener> find(const std::string& name) const;
    [[nodiscard]] std::shared_ptr<Listener> find(const std::string& name,
                                                 unsigned generation) const override;
    [[nodiscard]] std::vector<std::string> inherited_names() const { return inherited_.names(); }
    [[nodiscard]] std::string inherited_name(int number) const override
    {
        return inherited_.name_of(number);
    }
    [[nodiscard]] std::vector<std::shared_ptr<Listener>>
    in_order_of(const config::Spec& spec) const;
    // Those of older generations, too, while somebody may need them.
    [[nodiscard]] std::vector<std::shared_ptr<Listener>> all() const;
    void stop_accepting();
    void close() { open_.clear(); }

private:
    struct Since {
        unsigned generation;
        std::shared_ptr<Listener> listener; // null: closed by this one
    };
    using History = std::vector<Since>; // oldest first
    [[nodiscard]] std::shared_ptr<Listener> bound_alike(const config::Socket& socket) const;
    [[nodiscard]] std::shared_ptr<Listener> open_for(const config::Socket& socket,
                                                     const config::Difference& difference) const;
    void put(const std::string& name, unsigned generation, std::shared_ptr<Listener> listener);
    [[nodiscard]] std::vector<os::FdRef> leaving(const config::Difference& difference) const;
    [[nodiscard]] std::shared_ptr<Listener>
    bind(const config::Socket& socket, const config::Difference& difference, std::string& problem);
    [[nodiscard]] std::shared_ptr<Listener> take_over(const config::Socket& socket,
                                                      std::string& problem);
    [[nodiscard]] std::shared_ptr<Listener> copy_of(Listener& open, const config::Socket& socket,
                                                    std::string& problem);

    boost::asio::any_io_executor executor_;
    InheritedSockets inherited_;
    std::map<std::string, History> open_;
    std::map<std::string, std::shared_ptr<Listener>> prepared_;
};

// Whether every pool on this socket can be handed connections, which decides what `auto` means.
[[nodiscard]] bool takes_hand_overs(const config::Spec& spec, const std::string& socket);

} // namespace ostler
