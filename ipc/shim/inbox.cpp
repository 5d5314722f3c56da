// SPDX-License-Identifier: MIT
#include "ipc/shim/inbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ostler::shim
{

namespace native = wire::native;

Letter* Letter::make()
{
    void* memory = std::malloc(sizeof(Letter));
    return memory == nullptr ? nullptr : new (memory) Letter{};
}

void Letter::destroy(Letter* letter)
{
    if (letter == nullptr)
        return;
    std::free(letter->data);
    letter->~Letter();
    std::free(letter);
}

bool Letter::append(std::span<const std::byte> bytes)
{
    const std::size_t wanted = shown.length + bytes.size();
    if (wanted > room) {
        const std::size_t more = std::min(std::max(wanted, room * 2), native::max_message);
        void* larger = std::realloc(data, more);
        if (larger == nullptr)
            return false;
        data = static_cast<std::byte*>(larger);
        room = more;
    }
    if (!bytes.empty())
        std::memcpy(data + shown.length, bytes.data(), bytes.size());
    shown.length = wanted;
    return true;
}

Inbox::~Inbox()
{
    abandon();
    while (!empty())
        Letter::destroy(take());
}

void Inbox::add(Packet& packet)
{
    if ((packet.header.flags & native::continued) == 0) {
        abandon();
        if (!begin(packet))
            return;
    }
    if (coming_ == nullptr)
        return; // its beginning was not for us
    const std::span<const std::byte> bytes = packet.body.rest();
    if (bytes.size() > native::max_message - coming_->shown.length || !coming_->append(bytes))
        return lose();
    if ((packet.header.flags & native::more_follows) == 0)
        finish();
}

bool Inbox::begin(Packet& packet)
{
    native::Message message;
    if (!wire::read_fields(packet.body, message))
        return false;
    coming_ = Letter::make();
    if (coming_ == nullptr) {
        lost_ = true;
        return false;
    }
    const std::size_t size = std::min(message.pool.size(), native::max_name);
    if (size != 0)
        std::memcpy(coming_->pool, message.pool.data(), size);
    ostler_message& shown = coming_->shown;
    shown = OSTLER_MESSAGE_INIT;
    shown.kind = message.kind;
    shown.worker = message.worker;
    shown.content = message.content;
    shown.flags = packet.fd_lost ? OSTLER_FD_LOST : 0;
    coming_->fd = static_cast<os::UniqueFd&&>(packet.fd);
    return true;
}

void Inbox::finish()
{
    coming_->shown.pool = coming_->pool;
    coming_->shown.data = coming_->data;
    coming_->shown.fd = coming_->fd.get();
    (last_ != nullptr ? last_->next : first_) = coming_;
    last_ = coming_;
    bytes_ += cost(*coming_);
    coming_ = nullptr;
}

void Inbox::lose()
{
    lost_ = true;
    abandon();
}

void Inbox::abandon()
{
    Letter::destroy(coming_);
    coming_ = nullptr;
}

Letter* Inbox::take()
{
    Letter* letter = first_;
    if (letter == nullptr)
        return nullptr;
    first_ = letter->next;
    if (first_ == nullptr)
        last_ = nullptr;
    bytes_ -= cost(*letter);
    return letter;
}

bool Inbox::has_lost()
{
    const bool lost = lost_;
    lost_ = false;
    return lost;
}

} // namespace ostler::shim
