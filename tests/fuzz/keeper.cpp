// SPDX-License-Identifier: MIT
// What master and keeper may send each other.
#include "ipc/wire/keeper.hpp"
#include "tests/fuzz/messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace ostler::wire::keeper;
    return ostler::fuzz::try_messages<Start, Signal, Acknowledge, Notify, End, Beat, Started,
                                      Exited>(std::as_bytes(std::span{data, size}));
}
