// SPDX-License-Identifier: MIT
// The C functions: arguments checked, then the Worker's work.
#include "ipc/shim/ostler.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <new>

#include "ipc/shim/worker.hpp"

using namespace ostler;
using shim::Deadline;

struct ostler_worker {
    shim::Worker worker;
};

namespace
{

constexpr int join_ms = 60'000;

// The number in OSTLER_CHANNEL_FD: -ENXIO when there is none, -EBADF when it makes no sense.
int channel_number()
{
    const char* text = std::getenv("OSTLER_CHANNEL_FD");
    if (text == nullptr || *text == '\0')
        return -ENXIO;
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    if (*end != '\0' || number < 0 || number > 1 << 20 ||
        !shim::is_channel(os::FdRef{static_cast<int>(number)}))
        return -EBADF;
    return static_cast<int>(number);
}

// For the functions that only need a handle.
template <typename Call>
int with(ostler_worker* worker, Call&& call)
{
    return worker == nullptr ? -EINVAL : call(worker->worker);
}

const shim::Listener* find(const ostler_worker* worker, std::uint32_t listener)
{
    return worker == nullptr ? nullptr : worker->worker.find(listener);
}

} // namespace

const char* ostler_version(void)
{
    return OSTLER_VERSION;
}

int ostler_worker_open(ostler_worker** out)
{
    if (out == nullptr)
        return -EINVAL;
    *out = nullptr;
    const int number = channel_number();
    if (number < 0)
        return number;
    void* memory = std::malloc(sizeof(ostler_worker));
    if (memory == nullptr)
        return -ENOMEM;
    os::UniqueFd channel{os::adopt, number};
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    ::unsetenv("OSTLER_CHANNEL_FD");
    auto* worker = new (memory) ostler_worker{shim::Worker{static_cast<os::UniqueFd&&>(channel)}};
    const int rc = worker->worker.join(Deadline::after(join_ms));
    if (rc < 0)
        ostler_worker_close(worker);
    else
        *out = worker;
    return rc;
}

void ostler_worker_close(ostler_worker* worker)
{
    if (worker == nullptr)
        return;
    worker->~ostler_worker();
    std::free(worker);
}

std::uint64_t ostler_worker_id(const ostler_worker* worker)
{
    return worker == nullptr ? 0 : worker->worker.identity().id();
}

std::uint32_t ostler_worker_slot(const ostler_worker* worker)
{
    return worker == nullptr ? 0 : worker->worker.identity().slot();
}

std::uint32_t ostler_worker_generation(const ostler_worker* worker)
{
    return worker == nullptr ? 0 : worker->worker.identity().generation();
}

const char* ostler_worker_pool(const ostler_worker* worker)
{
    return worker == nullptr ? nullptr : worker->worker.identity().pool();
}

const char* ostler_worker_socket(const ostler_worker* worker, std::uint32_t index)
{
    return worker == nullptr ? nullptr : worker->worker.identity().socket(index);
}

const char* ostler_worker_reason(const ostler_worker* worker)
{
    return worker == nullptr ? "" : worker->worker.reason();
}

int ostler_worker_listen(ostler_worker* worker, const char* name, int timeout_ms,
                         std::uint32_t* listener)
{
    if (worker == nullptr || listener == nullptr)
        return -EINVAL;
    return worker->worker.listen(name, Deadline::after(timeout_ms), *listener);
}

int ostler_worker_listen_at(ostler_worker* worker, const ostler_address* address, int timeout_ms,
                            std::uint32_t* listener)
{
    if (worker == nullptr || address == nullptr || listener == nullptr ||
        address->size < sizeof(ostler_address) || address->text == nullptr)
        return -EINVAL;
    return worker->worker.listen_at(*address, Deadline::after(timeout_ms), *listener);
}

const char* ostler_listener_address(const ostler_worker* worker, std::uint32_t listener)
{
    const shim::Listener* found = find(worker, listener);
    return found == nullptr ? nullptr : found->address;
}

int ostler_listener_kind(const ostler_worker* worker, std::uint32_t listener)
{
    const shim::Listener* found = find(worker, listener);
    if (found == nullptr)
        return -EINVAL;
    if (found->datagram)
        return OSTLER_DATAGRAM;
    return found->source == shim::Listener::Source::queue ? OSTLER_QUEUE : OSTLER_SHARED;
}

int ostler_listener_fd(ostler_worker* worker, std::uint32_t listener)
{
    return with(worker, [&](shim::Worker& it) { return it.lend(listener); });
}

int ostler_worker_close_listener(ostler_worker* worker, std::uint32_t listener)
{
    return with(worker, [&](shim::Worker& it) { return it.close_listener(listener); });
}

int ostler_worker_ready(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.ready(); });
}

int ostler_worker_next(ostler_worker* worker, ostler_event* event, int timeout_ms)
{
    if (worker == nullptr || event == nullptr || event->size < sizeof(ostler_event))
        return -EINVAL;
    const std::uint32_t size = event->size; // a newer program's is larger: the rest stays as it is
    const int rc = worker->worker.next(*event, timeout_ms);
    event->size = size;
    return rc;
}

int ostler_worker_done(ostler_worker* worker, std::uint64_t connection)
{
    return with(worker, [&](shim::Worker& it) { return connection == 0 ? -EINVAL : it.done(); });
}

int ostler_worker_send(ostler_worker* worker, const ostler_message* message, int timeout_ms)
{
    if (worker == nullptr || message == nullptr || message->size < sizeof(ostler_message))
        return -EINVAL;
    return worker->worker.send(*message, timeout_ms);
}

int ostler_worker_disconnect(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.disconnect(); });
}

int ostler_worker_kill(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.kill(); });
}

int ostler_worker_is_connected(const ostler_worker* worker)
{
    return worker != nullptr && worker->worker.connected() ? 1 : 0;
}

int ostler_worker_exited_after_disconnect(const ostler_worker* worker)
{
    return worker == nullptr ? -EINVAL : worker->worker.exited_after_disconnect();
}

int ostler_worker_leave(ostler_worker* worker, int timeout_ms)
{
    return with(worker, [&](shim::Worker& it) { return it.leave(Deadline::after(timeout_ms)); });
}

int ostler_worker_fd(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.poll_fd(); });
}

int ostler_worker_attach(ostler_worker* worker, int epoll_fd, std::uint64_t data)
{
    return with(worker, [&](shim::Worker& it) { return it.attach(os::FdRef{epoll_fd}, data); });
}

int ostler_worker_busy(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.busy(), 0; });
}

int ostler_worker_idle(ostler_worker* worker)
{
    return with(worker, [](shim::Worker& it) { return it.idle(), 0; });
}
