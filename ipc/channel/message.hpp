// SPDX-License-Identifier: MIT
// What one program has to say to another: opaque bytes, and perhaps a descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "ipc/os/fd.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::ipc
{

struct Message {
    wire::native::Content content = wire::native::Content::bytes;
    std::shared_ptr<const std::string> body; // never null; one for all who get it
    os::UniqueFd handle;                     // from a worker: closing it may block
};

// Whom a worker wants to reach.
struct Destination {
    wire::native::To to = wire::native::To::controllers;
    std::uint64_t worker = 0;
    std::string pool;
};

// Whom a message is from, as its recipient is told.
struct Sender {
    wire::native::From from = wire::native::From::controller;
    std::uint64_t worker = 0;
    std::string pool;
};

// What became of a message for one worker.
enum class Delivery {
    sent,     // or will be as soon as it reads
    full,     // too much waits for it already
    too_long, // for it
    gone,     // it is not there, or does not speak
};

} // namespace ostler::ipc
