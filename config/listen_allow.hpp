// SPDX-License-Identifier: MIT
// What workers may have bound at run time, beyond the sockets that the spec names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "config/spec.hpp"

namespace ostler::config
{

// Who asks.
struct Asker {
    uid_t user = 0;
    std::uint16_t first_free_port = 1024; // ports below are for root
};

// Nothing: it may. Else a sentence that says what the spec would have to say.
[[nodiscard]] std::optional<std::string> forbidden(const ListenAllow& allow, const Address& address,
                                                   const Asker& asker);

// `*` stands for any text without a slash.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

} // namespace ostler::config
