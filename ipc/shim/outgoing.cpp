// SPDX-License-Identifier: MIT
#include "ipc/shim/outgoing.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <poll.h>

namespace ostler::shim
{

namespace native = wire::native;

namespace
{

constexpr int moment_ms = 1; // until a shortage may have passed

} // namespace

int Outgoing::send(const Channel& channel, const ostler_message& message, std::uint32_t request,
                   Deadline deadline)
{
    native::Message fields;
    fields.kind = static_cast<std::uint8_t>(message.kind);
    fields.content = static_cast<std::uint8_t>(message.content);
    fields.worker = message.worker;
    if (message.pool != nullptr)
        fields.pool = message.pool;
    head_size_ = wire::encode(head_, fields, request).size();
    data_ = static_cast<const std::byte*>(message.data);
    left_ = message.length;
    const int rc = send_parts(channel, os::FdRef{message.fd}, deadline);
    if (rc != -EAGAIN || !begun_)
        return rc;
    // Half a message must not stay so: without memory to keep the rest, wait.
    return keep() ? 0 : send_parts(channel, os::FdRef{-1}, Deadline::after(-1));
}

int Outgoing::go_on(const Channel& channel, Deadline deadline)
{
    return begun_ ? send_parts(channel, os::FdRef{-1}, deadline) : 0;
}

int Outgoing::send_parts(const Channel& channel, os::FdRef fd, Deadline deadline)
{
    for (;;) {
        const os::TwoPieces packet = next();
        const int rc = channel.send_now(packet, begun_ ? os::FdRef{-1} : fd);
        if (rc == 0) {
            begun_ = true;
            data_ += packet.body.size();
            left_ -= packet.body.size();
            if (left_ != 0)
                continue;
            drop();
            return 0;
        }
        if (rc != -EAGAIN && rc != -ENOBUFS) {
            drop();
            return rc;
        }
        if (deadline.left_ms() == 0 || channel.wait_for_room(deadline) != 0)
            return -EAGAIN;
        if (rc == -ENOBUFS)
            ::poll(nullptr, 0, moment_ms);
    }
}

os::TwoPieces Outgoing::next()
{
    const std::size_t head = begun_ ? wire::header_size : head_size_;
    const std::size_t part = std::min(left_, wire::max_body);
    const auto flags = static_cast<std::uint16_t>((part < left_ ? native::more_follows : 0) |
                                                  (begun_ ? native::continued : 0));
    std::memcpy(head_ + sizeof wire::Header::type, &flags, sizeof flags);
    return {{head_, head}, {data_, part}};
}

bool Outgoing::keep()
{
    kept_ = static_cast<std::byte*>(std::malloc(left_));
    if (kept_ == nullptr)
        return false;
    std::memcpy(kept_, data_, left_);
    data_ = kept_;
    return true;
}

void Outgoing::drop()
{
    std::free(kept_);
    kept_ = nullptr;
    data_ = nullptr;
    left_ = 0;
    begun_ = false;
}

} // namespace ostler::shim
