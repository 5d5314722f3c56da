// SPDX-License-Identifier: MIT
// Makes spdlog's default logger write to stderr as the spec says. May be called again when the spec
// has changed.
#pragma once

#include "config/spec.hpp"
#include "daemon/log_line.hpp"

namespace ostler
{

// Where stderr leads decides the look of the text format: the journal, a terminal, or neither.
[[nodiscard]] LogLook choose_look(config::LogFormat format);

void setup_log(const config::Log& log);

} // namespace ostler
