// SPDX-License-Identifier: MIT
// What the worker asks of its master, and how it waits for the answers.
#include <cerrno>
#include <cstring>

#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

namespace native = wire::native;
using native::Type;

namespace
{

constexpr int send_ms = 1000; // patience with a master that does not read

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
    return channel_.send(native::Ready{}, 0, Deadline::after(send_ms));
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
        // The answer is behind more messages than we can keep.
        rc = inbox_.full() ? -EDEADLK : channel_.wait_readable(deadline);
        if (rc == 0)
            rc = hear();
    }
    set_alarm(); // messages may have come before it
    const bool answered = request.state == Request::State::answered;
    request.state = answered || over() ? Request::State::unused : Request::State::abandoned;
    return answered ? request.result : rc;
}

// Nobody waits for the answer. If it cannot even be asked, the end of this process will do.
void Worker::give_back(std::uint32_t number)
{
    Request* close = over() ? nullptr : requests_.add(Type::close);
    if (close == nullptr)
        return;
    close->listener = number;
    const int rc = put(*close, Deadline::after(send_ms));
    close->state = rc < 0 ? Request::State::unused : Request::State::abandoned;
}

// Messages are not said twice: whether the last one arrived is not known.
void Worker::on_resumed(Packet&)
{
    outgoing_.drop();
    watch_for_room();
    inbox_.abandon();
    requests_.each_unanswered([this](Request& request) {
        if (request.type == Type::message)
            Requests::answer(request, -ECONNRESET);
        else
            static_cast<void>(put(request, Deadline::after(send_ms)));
    });
    if (said_ready_)
        static_cast<void>(channel_.send(native::Ready{}, 0, Deadline::after(send_ms)));
}

} // namespace ostler::shim
