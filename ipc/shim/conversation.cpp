// SPDX-License-Identifier: MIT
// What worker and master say to each other. Each packet has a handler in one table; nothing a
// master sends is believed before it is checked, and what makes no sense is skipped.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

namespace native = wire::native;
using native::Type;

namespace
{

constexpr int answer_ms = 1000; // patience with a master that does not read

int checked_errno(std::int32_t error)
{
    constexpr std::int32_t largest = 4095; // as the kernel has it
    return error > 0 && error <= largest ? -error : -EPROTO;
}

} // namespace

int Worker::join(Deadline deadline)
{
    int rc = poller_.open();
    if (rc == 0)
        rc = alarm_.open();
    if (rc == 0)
        rc = poller_.watch(channel_.descriptor(), channel_mark);
    if (rc == 0)
        rc = poller_.watch(alarm_.descriptor(), alarm_mark);
    return rc == 0 ? ask(requests_.add(Type::hello), deadline) : rc;
}

int Worker::listen(const char* name, Deadline deadline, std::uint32_t& listener)
{
    if (name == nullptr && identity_.socket(1) == nullptr)
        name = identity_.socket(0);
    const std::size_t size = name != nullptr ? std::strlen(name) : 0;
    if (size == 0 || size > native::max_name)
        return -EINVAL;
    if (over())
        return -EPIPE;
    if (phase_ != Phase::serving)
        return -ESHUTDOWN;
    Request* request = requests_.add(Type::listen);
    if (request == nullptr)
        return -EBUSY;
    request->index = listens_++;
    request->name_size = size;
    std::memcpy(request->name, name, size);
    const int place = ask(request, deadline);
    if (place < 0)
        return place;
    listener = listeners_[place].number;
    return 0;
}

int Worker::close_listener(std::uint32_t number)
{
    Listener* listener = find(number);
    if (listener == nullptr)
        return -EINVAL;
    const auto place = static_cast<std::uint32_t>(listener - listeners_);
    unwatch(place);
    replaced_ &= ~bit(place);
    listener->clear();
    give_back(number);
    return over() ? -EPIPE : 0;
}

int Worker::ready()
{
    if (over())
        return -EPIPE;
    said_ready_ = true;
    return channel_.send(native::Ready{}, 0, Deadline::after(answer_ms));
}

// However it ends, we are out of the pool afterwards.
int Worker::leave(Deadline deadline)
{
    if (over())
        return -EPIPE;
    enter(Phase::leaving);
    const int rc = ask(requests_.add(Type::leave), deadline);
    if (!over())
        enter(Phase::left);
    poller_.forget(channel_.descriptor());
    channel_.close();
    return rc;
}

int Worker::ask(Request* request, Deadline deadline)
{
    if (request == nullptr)
        return -EBUSY;
    const int rc = put(*request, deadline);
    if (rc < 0) {
        request->state = Request::State::unused;
        return rc;
    }
    return await_answer(*request, deadline);
}

int Worker::put(const Request& request, Deadline deadline)
{
    switch (request.type) {
    case Type::hello: {
        native::Hello hello;
        hello.library = "libostler " OSTLER_VERSION;
        return channel_.send(hello, request.id, deadline);
    }
    case Type::listen: {
        native::Listen listen;
        listen.index = request.index;
        listen.what = request.what();
        return channel_.send(listen, request.id, deadline);
    }
    case Type::close: {
        native::Close close;
        close.listener = request.listener;
        return channel_.send(close, request.id, deadline);
    }
    case Type::leave:
        return channel_.send(native::Leave{}, request.id, deadline);
    default:
        return -EINVAL;
    }
}

int Worker::await_answer(Request& request, Deadline deadline)
{
    int rc = 0;
    while (rc >= 0 && request.state == Request::State::asked) {
        rc = channel_.wait_readable(deadline);
        if (rc == 0)
            rc = hear();
    }
    const bool answered = request.state == Request::State::answered;
    request.state = answered || over() ? Request::State::unused : Request::State::abandoned;
    return answered ? request.result : rc;
}

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
    const int place = wanted ? adopt(message, static_cast<os::UniqueFd&&>(packet.fd)) : -ETIMEDOUT;
    Requests::answer(*listen, place);
    if (place < 0 && find(message.listener) == nullptr)
        give_back(message.listener); // what came with it was closed: others get the connections
}

// The place it got, or a negative errno.
int Worker::adopt(const native::Listening& message, os::UniqueFd fd)
{
    if (!fd.valid())
        return -EMFILE; // the kernel had to drop it
    const bool queue = message.how == static_cast<std::uint8_t>(native::How::queue);
    const bool socket = message.how == static_cast<std::uint8_t>(native::How::socket);
    if (find(message.listener) != nullptr || !(queue || socket) ||
        (queue && !is_channel(fd.borrow())))
        return -EPROTO;
    auto* place = std::find_if(listeners_, listeners_ + places, [](const Listener& listener) {
        return listener.source == Listener::Source::none;
    });
    if (place == listeners_ + places)
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
    paused_ = paused_ || room_.short_after(place->fd.borrow());
    watch_sources();
    set_alarm();
    return static_cast<int>(place - listeners_);
}

// Nobody waits for the answer. If it cannot even be asked, the end of this process will do.
void Worker::give_back(std::uint32_t number)
{
    Request* close = over() ? nullptr : requests_.add(Type::close);
    if (close == nullptr)
        return;
    close->listener = number;
    const int rc = put(*close, Deadline::after(answer_ms));
    close->state = rc < 0 ? Request::State::unused : Request::State::abandoned;
}

// Acknowledged at once: nothing is read from queues or accepted from here on. A master that does
// not read hundreds of packets gets no answer.
void Worker::on_drain(Packet& packet)
{
    native::Drain drain;
    if (!wire::read_fields(packet.body, drain))
        return;
    drain_until_ = now_ns() + drain.milliseconds * ns_per_ms;
    enter(phase_ == Phase::serving ? Phase::told_to_drain : phase_);
    static_cast<void>(channel_.send(native::Drained{}, packet.header.request, Deadline::after(0)));
}

void Worker::on_left(Packet& packet)
{
    if (Request* leave = requests_.unanswered(packet.header.request, Type::leave))
        Requests::answer(*leave, 0);
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

void Worker::on_resumed(Packet&)
{
    requests_.each_unanswered([this](const Request& request) {
        static_cast<void>(put(request, Deadline::after(answer_ms)));
    });
    if (said_ready_)
        static_cast<void>(channel_.send(native::Ready{}, 0, Deadline::after(answer_ms)));
}

} // namespace ostler::shim
