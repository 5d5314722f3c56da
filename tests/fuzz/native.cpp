// SPDX-License-Identifier: MIT
// What a worker, or a master, may send on a channel.
#include "ipc/wire/native.hpp"
#include "tests/fuzz/messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace ostler::wire::native;
    return ostler::fuzz::try_messages<Hello, Welcome, Refused, Listen, Listening, Ready, Drain,
                                      Drained, Leave, Left, Replaced, Close, Closed, Resumed, Load,
                                      Message, Sent>(std::as_bytes(std::span{data, size}));
}
