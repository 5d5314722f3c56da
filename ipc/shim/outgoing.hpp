// SPDX-License-Identifier: MIT
// The message that is being sent, packet by packet. Its first packet goes or does not; what cannot
// follow at once is kept and goes later.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ipc/shim/channel.hpp"
#include "ipc/shim/ostler.h"

namespace ostler::shim
{

class Outgoing
{
public:
    Outgoing() = default;
    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;
    ~Outgoing() { drop(); }

    [[nodiscard]] bool under_way() const { return begun_; }

    // Sends what fits, waiting until the deadline. 0 when the message is on its way, be it that its
    // rest was kept; -EAGAIN, or another negative errno, when nothing of it was sent.
    [[nodiscard]] int send(const Channel& channel, const ostler_message& message,
                           std::uint32_t request, Deadline deadline);
    // Goes on with what was kept. 0 when nothing is left, else -EAGAIN or -EPIPE.
    [[nodiscard]] int go_on(const Channel& channel, Deadline deadline);
    void drop(); // nobody wants the rest

private:
    [[nodiscard]] int send_parts(const Channel& channel, os::FdRef fd, Deadline deadline);
    [[nodiscard]] bool keep();
    [[nodiscard]] os::TwoPieces next();

    std::byte head_[wire::header_size + 14 + wire::native::max_name];
    static_assert(sizeof head_ <= wire::max_packet - wire::max_body);
    std::size_t head_size_ = 0;
    const std::byte* data_ = nullptr; // what is left
    std::size_t left_ = 0;
    std::byte* kept_ = nullptr; // from malloc; data_ lies in it
    bool begun_ = false;
};

} // namespace ostler::shim
