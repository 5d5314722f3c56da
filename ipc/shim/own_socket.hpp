// SPDX-License-Identifier: MIT
// A socket that the worker binds by itself, at an address in the words of ostler.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/os/fd.hpp"

namespace ostler::shim
{

struct OwnSocket {
    os::UniqueFd fd;
    bool datagram = false;
    char address[160] = {}; // as bound
};

// 0 or a negative errno. `backlog` 0: the usual one.
[[nodiscard]] int open_own_socket(std::string_view address, bool v6only, std::uint32_t backlog,
                                  OwnSocket& socket);

// Removes the file of a Unix socket; other addresses have none.
void remove_file_of(const char* address);

} // namespace ostler::shim
