// SPDX-License-Identifier: MIT
// Messages that have come: put together from their parts, and kept until the program takes them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ipc/shim/channel.hpp"
#include "ipc/shim/ostler.h"

namespace ostler::shim
{

// One message with all that it owns. From malloc.
struct Letter {
    ostler_message shown;
    os::UniqueFd fd;
    Letter* next = nullptr;
    std::size_t room = 0; // allocated at `data`
    std::byte* data = nullptr;
    char pool[wire::native::max_name + 1] = {};

    static Letter* make();
    static void destroy(Letter* letter);
    [[nodiscard]] bool append(std::span<const std::byte> bytes);
};

class Inbox
{
public:
    Inbox() = default;
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;
    ~Inbox();

    // So much waits for the program that nothing more may be read.
    [[nodiscard]] bool full() const { return bytes_ >= wire::native::max_message; }
    [[nodiscard]] bool empty() const { return first_ == nullptr; }

    // A packet of a message. What makes no sense is skipped.
    void add(Packet& packet);
    void abandon(); // the one that has not come completely
    // The oldest: the caller destroys it.
    [[nodiscard]] Letter* take();
    // Whether one was lost for want of memory since the last time.
    [[nodiscard]] bool has_lost();

private:
    [[nodiscard]] bool begin(Packet& packet);
    void finish();
    void lose();
    static std::size_t cost(const Letter& letter) { return letter.shown.length + sizeof(Letter); }

    Letter* coming_ = nullptr;
    Letter* first_ = nullptr;
    Letter* last_ = nullptr;
    std::size_t bytes_ = 0;
    bool lost_ = false;
};

} // namespace ostler::shim
