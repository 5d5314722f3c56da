// SPDX-License-Identifier: MIT
// What the worker asks of its master, and how it waits for the answers.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <unistd.h>

#include "ipc/shim/own_socket.hpp"
#include "ipc/shim/pieces.hpp"
#include "ipc/shim/worker.hpp"

namespace ostler::shim
{

namespace native = wire::native;
using native::Type;

namespace
{

constexpr int send_ms = 1000; // patience with a master that does not read

// A relative path means our folder, which the master does not know. False: it is too long.
bool whole_address(std::string_view text, Wish& wish)
{
    constexpr std::string_view scheme = "unix:";
    const std::string_view path = behind(text, scheme.size());
    if (!begins_with(text, scheme) || path.empty() || path[0] == '/' || path[0] == '@')
        return wish.set(text);
    char whole[PATH_MAX + sizeof wish.text + 8] = "unix:";
    if (path.size() > sizeof wish.text || ::getcwd(whole + scheme.size(), PATH_MAX) == nullptr)
        return false;
    std::size_t size = std::strlen(whole);
    whole[size++] = '/';
    std::memcpy(whole + size, path.data(), path.size());
    return wish.set({whole, size + path.size()});
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
    Wish wish;
    if (size == 0 || size > native::max_name || !wish.set({name, size}))
        return -EINVAL;
    return listen(wish, deadline, listener);
}

int Worker::listen_at(const ostler_address& where, Deadline deadline, std::uint32_t& listener)
{
    constexpr std::uint32_t known = OSTLER_V6ONLY | OSTLER_EXCLUSIVE;
    if ((where.flags & ~known) != 0)
        return refusal(EINVAL,
                       "unknown flags: this library knows OSTLER_V6ONLY and OSTLER_EXCLUSIVE");
    if (where.text[0] == '\0')
        return refusal(EINVAL, "the address is empty: say one like tcp://127.0.0.1:8080");
    Wish wish;
    wish.by = native::ListenBy::address;
    wish.flags = (where.flags & OSTLER_V6ONLY) != 0 ? native::listen_v6only : 0;
    wish.backlog = where.backlog;
    if (!whole_address(where.text, wish))
        return refusal(EINVAL, "an address has at most 128 bytes");
    if ((where.flags & OSTLER_EXCLUSIVE) != 0)
        return listen_alone(wish, listener);
    return listen(wish, deadline, listener);
}

// Numbers of our own, apart from those that the master gives.
int Worker::listen_alone(const Wish& wish, std::uint32_t& listener)
{
    constexpr std::uint32_t ours = std::uint32_t{1} << 31;
    if (over())
        return -EPIPE;
    if (phase_ != Phase::serving)
        return -ESHUTDOWN;
    Listener* place = free_place();
    if (place == nullptr)
        return refusal(EMFILE, "a worker may have at most 64 listeners");
    OwnSocket socket;
    const bool v6only = (wish.flags & native::listen_v6only) != 0;
    if (const int rc = open_own_socket(wish.what(), v6only, wish.backlog, socket); rc < 0)
        return refusal(-rc, ::strerrordesc_np(-rc));
    place->address = copy_text(socket.address);
    if (place->address == nullptr) {
        remove_file_of(socket.address);
        return -ENOMEM;
    }
    place->source = socket.datagram ? Listener::Source::lent : Listener::Source::shared;
    place->datagram = socket.datagram;
    place->own = true;
    place->number = ours | static_cast<std::uint32_t>(place - listeners_);
    place->fd = static_cast<os::UniqueFd&&>(socket.fd);
    listener = place->number;
    settle_in(*place);
    return 0;
}

// The lowest that none of its like has.
std::uint32_t Worker::free_index(const Wish& wish)
{
    std::uint64_t used = 0;
    const auto note = [&](const Wish& other) {
        if (other.alike(wish) && other.index < places)
            used |= bit(other.index);
    };
    for (const Listener& listener : listeners_)
        if (listener.source != Listener::Source::none)
            note(listener.wish);
    requests_.each_unanswered([&](const Request& request) {
        if (request.type == Type::listen)
            note(request.wish);
    });
    return static_cast<std::uint32_t>(std::countr_one(used));
}

int Worker::listen(const Wish& wish, Deadline deadline, std::uint32_t& listener)
{
    if (over())
        return -EPIPE;
    if (phase_ != Phase::serving)
        return -ESHUTDOWN;
    const std::uint32_t index = wish.counts() ? free_index(wish) : 0;
    Request* request = requests_.add(Type::listen);
    if (request == nullptr)
        return -EBUSY;
    request->wish = wish;
    request->wish.index = index;
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
    const bool own = listener->own;
    listener->clear();
    if (!own)
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
        const Wish& wish = request.wish;
        native::ListenAt listen;
        listen.by = static_cast<std::uint8_t>(wish.by);
        listen.index = wish.index;
        listen.flags = wish.flags;
        listen.what = wish.what();
        listen.more.backlog = wish.backlog;
        if (wish.by == native::ListenBy::name)
            return channel_.send(static_cast<const native::Listen&>(listen), request.id, deadline);
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
