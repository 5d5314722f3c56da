// SPDX-License-Identifier: MIT
// Settings of forks as a controller says and hears them, in JSON.
#pragma once

#include <boost/json/object.hpp>

#include "config/settings.hpp"

namespace ostler
{

[[nodiscard]] config::ValuePtr settings_from(const boost::json::object& said);
[[nodiscard]] boost::json::object json_of(const config::Settled& settled);

} // namespace ostler
