// SPDX-License-Identifier: MIT
// What `ostler status --json` says, gathered from the living objects.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

namespace ostler
{

class Daemon;
struct ControlScope;

// Of one pool, or of all; of those in the scope, if there is one (lent).
[[nodiscard]] boost::json::object
status_of(const Daemon& daemon, const std::optional<std::string>& pool, const ControlScope* scope);

} // namespace ostler
