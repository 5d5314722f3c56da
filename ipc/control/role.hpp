// SPDX-License-Identifier: MIT
// Who may do what on the control socket. A higher role includes the lower ones.
#pragma once

namespace ostler::control
{

enum class Role { none, observe, operate, administer };

[[nodiscard]] constexpr const char* name_of(Role role)
{
    switch (role) {
    case Role::observe:
        return "observe";
    case Role::operate:
        return "operate";
    case Role::administer:
        return "administer";
    case Role::none:
        break;
    }
    return "none";
}

} // namespace ostler::control
