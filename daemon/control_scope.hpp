// SPDX-License-Identifier: MIT
// Controllers of the spec: workers that may do what an administrator may, but to some pools alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/spec.hpp"
#include "ipc/os/fd.hpp"

namespace ostler
{

struct ControlScope {
    std::uint64_t worker = 0; // the controller
    std::string label;        // "ctl/0"
    std::vector<std::string> pools;
    std::optional<config::User> user; // the controller's; nothing: the daemon's own

    [[nodiscard]] bool covers(std::string_view pool) const;
    // What it has started runs as the user it runs as itself, or as the pool's: else the sentence
    // says so. One that runs as the daemon's own user may do whatever the daemon may.
    [[nodiscard]] std::string why_not_start(const std::optional<config::User>& as,
                                            const config::Pool& pool) const;
};

// Where workers get the connections that they control others by.
class ControllerDesk
{
public:
    virtual ~ControllerDesk() = default;
    static constexpr std::size_t most_connections = 64;  // of one controller
    static constexpr std::size_t most_descriptors = 128; // in its requests that have no answer yet
    // The controller's end of a new connection, open until it closes it or is gone; or why not.
    using Connected = std::variant<os::UniqueFd, std::string>;
    [[nodiscard]] virtual Connected admit(const std::shared_ptr<const ControlScope>& scope) = 0;
    // One more, for one that was admitted and is not gone.
    [[nodiscard]] virtual Connected connect(const std::shared_ptr<const ControlScope>& scope) = 0;
    // How many descriptors came with its requests that are not answered yet.
    [[nodiscard]] virtual std::size_t holds(const ControlScope& scope) const = 0;
    // It is gone: so are its connections, whoever may have got hold of them.
    virtual void disconnect(std::uint64_t worker) = 0;
};

} // namespace ostler
