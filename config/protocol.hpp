// SPDX-License-Identifier: MIT
// How workers are spoken to, and what they can do by that. Ask for the ability, not for the name:
// a protocol more is then a row more.
#pragma once

namespace ostler::config
{

enum class Protocol { ostler, systemd, none };

struct Abilities {
    bool sockets;    // are given those that their pool lists
    bool hand_overs; // take connections one by one, and show in a page how busy they are
    bool channel;    // say that they are online, listen and are ready; hear that they should drain
};

[[nodiscard]] constexpr Abilities abilities_of(Protocol protocol)
{
    switch (protocol) {
    case Protocol::ostler:
        return {.sockets = true, .hand_overs = true, .channel = true};
    case Protocol::systemd:
        return {.sockets = true, .hand_overs = false, .channel = false};
    case Protocol::none:
        break;
    }
    return {.sockets = false, .hand_overs = false, .channel = false};
}

} // namespace ostler::config
