// SPDX-License-Identifier: MIT
// Where a spec is looked for when nobody says where.
#pragma once

#include <optional>
#include <string>

namespace ostler::config
{

// /etc/ostler/ostler.yaml for root; a user's is below $XDG_CONFIG_HOME, else ~/.config.
[[nodiscard]] std::string default_spec_path();

// $OSTLER_CONFIG, whether it exists or not; else the default place, if something is there.
[[nodiscard]] std::optional<std::string> find_spec();

} // namespace ostler::config
