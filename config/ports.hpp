// SPDX-License-Identifier: MIT
// A port of its own for each worker of a pool: `ports: {debug: {base: 9229}}` gives the worker of
// slot 3 OSTLER_PORT_DEBUG=9232. It is the worker who binds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ostler::config
{

struct Port {
    std::string name;
    std::uint16_t base = 0;
    bool operator==(const Port&) const = default;
};

inline constexpr std::string_view port_prefix = "OSTLER_PORT_";

// OSTLER_PORT_DEBUG
[[nodiscard]] std::string variable_of(const Port& port);

// As Node counts those of its inspectors: behind 65535 comes 1024.
[[nodiscard]] constexpr unsigned number_of(const Port& port, unsigned slot)
{
    constexpr unsigned highest = 65535;
    constexpr unsigned again_from = 1024;
    const unsigned number = port.base + slot;
    return number <= highest ? number
                             : again_from + (number - highest - 1) % (highest - again_from + 1);
}

} // namespace ostler::config
