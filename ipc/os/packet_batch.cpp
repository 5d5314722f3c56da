// SPDX-License-Identifier: MIT
#include "ipc/os/packet_batch.hpp"

#include <cerrno>

namespace ostler::os
{

PacketBatch::PacketBatch() // NOLINT: what lies in the packets is the kernel's to write
{
    for (unsigned i = 0; i < most; ++i) {
        places_[i] = {packets_[i], longest};
        heads_[i] = {};
        heads_[i].msg_hdr.msg_iov = &places_[i];
        heads_[i].msg_hdr.msg_iovlen = 1;
        heads_[i].msg_hdr.msg_control = controls_[i];
    }
}

PacketBatch::~PacketBatch()
{
    std::span<std::byte> bytes;
    Received got;
    while (!empty())
        static_cast<void>(next(FdRef{-1}, bytes, {}, got));
}

int PacketBatch::next(FdRef socket, std::span<std::byte>& bytes, std::span<UniqueFd> fds,
                      Received& got)
{
    got = {};
    if (empty())
        if (const int error = refill(socket); error != 0)
            return error;
    const mmsghdr& head = heads_[next_];
    bytes = {packets_[next_], head.msg_len};
    ++next_;
    return read_head(head.msg_hdr, head.msg_len, fds, got);
}

int PacketBatch::refill(FdRef socket)
{
    next_ = count_ = 0;
    for (mmsghdr& head : heads_)
        head.msg_hdr.msg_controllen = control_space;
    int count;
    do
        count = ::recvmmsg(socket.get(), heads_, most, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, nullptr);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    count_ = static_cast<unsigned>(count);
    return 0;
}

} // namespace ostler::os
