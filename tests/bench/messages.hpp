// SPDX-License-Identifier: MIT
// Messages between master and worker, beside Node's and a bare socket pair's.
#pragma once

#include "tests/support/eventually.hpp"

namespace ostler::bench
{

void compare_messages(unsigned rounds, test::Milliseconds during, bool with_node);

} // namespace ostler::bench
