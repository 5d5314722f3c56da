// SPDX-License-Identifier: MIT
// Where the control socket is, for those who bind it and those who look for it.
#pragma once

#include <optional>
#include <string>
#include <sys/un.h>

namespace ostler::control
{

// /run/ostler/control.sock for root, else in the user's runtime folder.
[[nodiscard]] std::string default_path();

// Nothing when the path is empty or longer than the 107 bytes a Unix socket's name may have.
[[nodiscard]] std::optional<sockaddr_un> address_of(const std::string& path);

// The sentence for that.
[[nodiscard]] std::string bad_path(const std::string& path);

} // namespace ostler::control
