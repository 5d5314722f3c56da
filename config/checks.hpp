// SPDX-License-Identifier: MIT
// What can be wrong between the parts of a spec, each of which is right by itself.
#pragma once

#include <optional>
#include <string>

#include "config/cursor.hpp"
#include "config/spec.hpp"

namespace ostler::config
{

// `root` says where things were written.
void check_together(const Spec& spec, const Cursor& root);

// So many slots a pool may have in use by itself: its workers', and those of a rollout.
[[nodiscard]] unsigned places(const Pool& pool);

// A variable for a port in one of its texts, of which `ports` says nothing.
[[nodiscard]] std::optional<std::string> undeclared_port(const Program& program);

// Programs that root will run must not be others' to change.
void check_programs_of_root(const Spec& spec, const Cursor& root);

} // namespace ostler::config
