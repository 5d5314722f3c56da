// SPDX-License-Identifier: MIT
// What `ostler status --json` says, gathered from the living objects.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

namespace ostler
{

class Daemon;

// Of one pool, or of all.
[[nodiscard]] boost::json::object status_of(const Daemon& daemon,
                                            const std::optional<std::string>& pool);

} // namespace ostler
