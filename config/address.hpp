// SPDX-License-Identifier: MIT
// Addresses as the spec writes them: tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unix:@NAME,
// systemd:NAME.
#pragma once

#include <string>
#include <string_view>

#include "config/parsed.hpp"
#include "config/spec.hpp"

namespace ostler::config
{

// HOST is an address in numbers, an IPv6 one in brackets. A relative path is relative to `folder`.
[[nodiscard]] Parsed<Address> parse_address(std::string_view text, const std::string& folder);

// The one spelling of it, whatever was written.
[[nodiscard]] std::string text_of(const Address& address);

// Whether both cannot be bound: the same address, or one of TCP's "any" addresses and another.
[[nodiscard]] bool clash(const Socket& a, const Socket& b);

// Absolute, without "." and "..".
[[nodiscard]] std::string absolute(std::string_view path, const std::string& folder);

inline constexpr std::size_t longest_unix_path = 107; // sun_path, with its final 0

} // namespace ostler::config
