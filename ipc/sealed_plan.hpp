// SPDX-License-Identifier: MIT
// A plan in the form in which it travels: a memfd that nobody can change any more.
#pragma once

#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"
#include "ipc/wire/plan.hpp"

namespace ostler
{

// Writes the plan into a new memfd and seals it. Fails with E2BIG for one that is longer than the
// launcher reads, or as memfd_create and write do.
[[nodiscard]] os::Result<os::UniqueFd> seal_plan(const wire::plan::Plan& plan);

} // namespace ostler
