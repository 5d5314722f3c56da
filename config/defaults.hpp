// SPDX-License-Identifier: MIT
// `defaults:` laid under each pool, before anything is read.
#pragma once

#include "config/tree.hpp"

namespace ostler::config
{

[[nodiscard]] ValuePtr with_defaults(const ValuePtr& root, Problems& problems);

} // namespace ostler::config
