// SPDX-License-Identifier: MIT
// What the master says. Each packet has a handler in one table; nothing is believed before it is
// checked, and what makes no sense is skipped.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

namespace native = wire::native;
using native::Type;

namespace
{

int checked_errno(std::int32_t error)
{
    constexpr std::int32_t largest = 4095; // as the kernel has it
    return error > 0 && error <= largest ? -error : -EPROTO;
}

} // namespace

// Reads one packet, if there is one.
int Worker::hear()
{
    Packet packet;
    const int rc = channel_.receive(packet);
    if (rc < 0)
        enter(Phase::gone);
    if (rc > 0)
        dispatch(packet);
    return rc;
}

void Worker::dispatch(Packet& packet)
{
    struct Handler {
        Type type;
        void (Worker::*on)(Packet&);
    };
    static constexpr Handler handlers[] = {
        {Type::welcome, &Worker::on_welcome},     {Type::refused, &Worker::on_refused},
        {Type::listening, &Worker::on_listening}, {Type::drain, &Worker::on_drain},
        {Type::left, &Worker::on_left},           {Type::replaced, &Worker::on_replaced},
        {Type::closed, &Worker::on_closed},       {Type::resumed, &Worker::on_resumed},
        {Type::message, &Worker::on_message},     {Type::sent, &Worker::on_sent},
    };
    for (const Handler& handler : handlers)
        if (packet.header.type == static_cast<std::uint16_t>(handler.type))
            return (this->*handler.on)(packet);
}

void Worker::on_welcome(Packet& packet)
{
    native::Welcome welcome;
    Request* hello = requests_.unanswered(packet.header.request, Type::hello);
    if (hello == nullptr || !wire::read_fields(packet.body, welcome))
        return;
    if (welcome.version != native::version)
        return Requests::answer(*hello, -EPROTONOSUPPORT);
    load_.map(packet.fd.borrow());
    load_.busy();
    Requests::answer(*hello, identity_.learn(welcome));
}

void Worker::on_refused(Packet& packet)
{
    native::Refused refused;
    Request* request = requests_.unanswered(packet.header.request);
    if (request != nullptr && wire::read_fields(packet.body, refused))
        Requests::answer(*request, refusal(refused.error, refused.reason));
}

int Worker::refusal(std::int32_t error, std::string_view reason)
{
    const std::size_t size = std::min(reason.size(), sizeof reason_ - 1);
    if (size != 0)
        std::memcpy(reason_, reason.data(), size);
    reason_[size] = '\0';
    return checked_errno(error);
}

void Worker::on_listening(Packet& packet)
{
    native::Listening message;
    Request* listen = requests_.unanswered(packet.header.request, Type::listen);
    if (listen == nullptr || !wire::read_fields(packet.body, message))
        return;
    if (message.error != 0)
        return Requests::answer(*listen, refusal(message.error, message.reason));
    const bool wanted = listen->state == Request::State::asked;
    const int place =
        wanted ? adopt(message, listen->wish, static_cast<os::UniqueFd&&>(packet.fd)) : -ETIMEDOUT;
    Requests::answer(*listen, place);
    if (place < 0 && find(message.listener) == nullptr)
        give_back(message.listener); // what came with it was closed: others get the connections
}

// The place it got, or a negative errno.
int Worker::adopt(const native::Listening& message, const Wish& wish, os::UniqueFd fd)
{
    if (!fd.valid())
        return -EMFILE; // the kernel had to drop it
    const bool queue = message.how == static_cast<std::uint8_t>(native::How::queue);
    const bool socket = message.how == static_cast<std::uint8_t>(native::How::socket);
    if (find(message.listener) != nullptr || !(queue || socket) ||
        (queue && !is_channel(fd.borrow())))
        return -EPROTO;
    Listener* place = free_place();
    if (place == nullptr)
        return -EMFILE;
    char* address = copy_text(message.address);
    if (address == nullptr)
        return -ENOMEM;
    place->source = queue              ? Listener::Source::queue
                    : message.datagram ? Listener::Source::lent
                                       : Listener::Source::shared;
    place->datagram = message.datagram != 0;
    place->number = message.listener;
    place->fd = static_cast<os::UniqueFd&&>(fd);
    place->address = address;
    place->wish = wish;
    settle_in(*place);
    return static_cast<int>(place - listeners_);
}

Listener* Worker::free_place()
{
    for (Listener& listener : listeners_)
        if (listener.source == Listener::Source::none)
            return &listener;
    return nullptr;
}

void Worker::settle_in(Listener& place)
{
    paused_ = paused_ || room_.short_after(place.fd.borrow());
    watch_sources();
    set_alarm();
}

// Acknowledged at once: nothing is read from queues or accepted from here on.
void Worker::on_drain(Packet& packet)
{
    constexpr int patience_ms = 1000; // our own messages may fill the channel for a moment
    native::Drain drain;
    if (!wire::read_fields(packet.body, drain))
        return;
    drain_until_ = now_ns() + drain.milliseconds * ns_per_ms;
    going_ = true;
    enter(phase_ == Phase::serving ? Phase::told_to_drain : phase_);
    static_cast<void>(
        channel_.send(native::Drained{}, packet.header.request, Deadline::after(patience_ms)));
}

void Worker::on_closed(Packet& packet)
{
    if (Request* close = requests_.unanswered(packet.header.request, Type::close))
        Requests::answer(*close, 0);
}

void Worker::on_replaced(Packet& packet)
{
    native::Replaced replaced;
    if (!wire::read_fields(packet.body, replaced) || !packet.fd.valid())
        return;
    Listener* listener = find(replaced.listener);
    if (listener == nullptr || listener->source == Listener::Source::queue)
        return;
    const auto place = static_cast<std::uint32_t>(listener - listeners_);
    unwatch(place);
    if (listener->source == Listener::Source::lent) {
        retired_ = static_cast<os::UniqueFd&&>(listener->fd);
        replaced_ |= bit(place);
    } else {
        listener->source = Listener::Source::shared;
    }
    listener->fd = static_cast<os::UniqueFd&&>(packet.fd);
    watch_sources();
    set_alarm();
}

} // namespace ostler::shim
