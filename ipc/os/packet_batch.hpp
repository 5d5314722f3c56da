// SPDX-License-Identifier: MIT
// Packets of a SOCK_SEQPACKET pair, several with one system call: what costs most of a short packet
// is asking for it. libc only: shim and master share it.
#pragma once

#include <cstddef>
#include <span>
#include <sys/socket.h>

#include "ipc/os/fd.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::os
{

// Half a megabyte, of which only what packets fill is ever touched: not for a stack.
class PacketBatch
{
public:
    static constexpr unsigned most = 8;
    static constexpr std::size_t longest = 66'048;

    PacketBatch();
    PacketBatch(const PacketBatch&) = delete;
    PacketBatch& operator=(const PacketBatch&) = delete;
    ~PacketBatch(); // closes the descriptors of what was not taken

    // Whether next() must ask the kernel.
    [[nodiscard]] bool empty() const { return next_ == count_; }

    // As receive_packet() without waiting; `bytes` lie in here until the next call that finds it
    // empty. One batch serves several sockets if each is read until it is empty.
    [[nodiscard]] int next(FdRef socket, std::span<std::byte>& bytes, std::span<UniqueFd> fds,
                           Received& got);

private:
    static constexpr std::size_t control_space = CMSG_SPACE(sizeof(int) * max_packet_fds);
    [[nodiscard]] int refill(FdRef socket);

    unsigned next_ = 0, count_ = 0;
    mmsghdr heads_[most];
    iovec places_[most];
    alignas(cmsghdr) unsigned char controls_[most][control_space];
    std::byte packets_[most][longest];
};

} // namespace ostler::os
