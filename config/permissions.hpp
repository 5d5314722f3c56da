// SPDX-License-Identifier: MIT
// Who else could change a file that the daemon trusts.
#pragma once

#include <optional>
#include <string>
#include <sys/stat.h>

#include "config/spec.hpp"

namespace ostler::config
{

// Why a file or folder must not be trusted, or nothing: it belongs to root or the daemon's user and
// nobody else may write to it. In a sticky folder others may make files, but not replace ours.
[[nodiscard]] std::optional<std::string> distrust(const std::string& path,
                                                  const struct stat& about);

// The same for each folder and symbolic link on the way to `path`, but not for what it leads to.
[[nodiscard]] std::optional<std::string> distrust_way_to(const std::string& path);

// For both, by name.
[[nodiscard]] std::optional<std::string> distrust_all_of(const std::string& path);

// Why root should not run this program; nothing where it is not root who would.
[[nodiscard]] std::optional<std::string> distrust_as_root(const Program& program);

} // namespace ostler::config
