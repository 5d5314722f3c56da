// SPDX-License-Identifier: MIT
// What a client may send on the control socket: packets, each behind a byte that says how long.
#include <algorithm>

#include "ipc/control/protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace ostler::control;
    auto rest = std::as_bytes(std::span{data, size});
    Assembler assembler{max_request};
    while (!rest.empty()) {
        const auto length =
            std::min<std::size_t>(static_cast<std::size_t>(rest[0]), rest.size() - 1);
        Message message;
        if (assembler.feed(rest.subspan(1, length), message) == Assembler::Outcome::broken)
            break;
        rest = rest.subspan(1 + length);
    }
    return 0;
}
