// SPDX-License-Identifier: MIT
// The benchmark's worker: one epoll loop, one answer a connection, nothing else. Under ostlerd it
// takes what it is given; with `--bare N` it accepts from the listening descriptor N, as a server
// without us does: the limit to compare with. `--block-slot S MS` blocks the loop of slot S.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/shim/ostler.h"

namespace
{

struct Settings {
    int bare = -1;
    unsigned block_slot = ~0u;
    long block_ms = 0;
};

constexpr std::uint64_t from_outside = ~std::uint64_t{0}; // the library, or the bare listener

class Lean
{
public:
    explicit Lean(const Settings& settings)
        : settings_{settings}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}
    {
    }

    int run()
    {
        const int rc = settings_.bare >= 0 ? watch_listener() : join();
        if (rc < 0)
            return 1;
        prepare_answer();
        std::array<epoll_event, 64> events;
        while (!ended_) {
            idle();
            const int got = ::epoll_wait(epoll_, events.data(), events.size(), -1);
            busy();
            for (int i = 0; i < got; ++i)
                on(events[static_cast<std::size_t>(i)].data.u64);
        }
        ostler_worker_close(worker_);
        return 0;
    }

private:
    int watch_listener()
    {
        epoll_event wanted{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.u64 = from_outside}};
        return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, settings_.bare, &wanted);
    }

    int join()
    {
        std::uint32_t listener = 0;
        int rc = ostler_worker_open(&worker_);
        if (rc == 0)
            rc = ostler_worker_listen(worker_, nullptr, 10'000, &listener);
        if (rc == 0)
            rc = ostler_worker_ready(worker_);
        if (rc == 0)
            rc = ostler_worker_attach(worker_, epoll_, from_outside);
        blocks_ = rc == 0 && ostler_worker_slot(worker_) == settings_.block_slot;
        return rc;
    }

    void prepare_answer()
    {
        char body[64];
        const int size = std::snprintf(
            body, sizeof body, "{\"worker\":%llu,\"pid\":%d}",
            static_cast<unsigned long long>(worker_ ? ostler_worker_id(worker_) : 0), ::getpid());
        answer_size_ = static_cast<std::size_t>(std::snprintf(
            answer_, sizeof answer_,
            "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", size, body));
    }

    void idle()
    {
        if (worker_)
            ostler_worker_idle(worker_);
    }
    void busy()
    {
        if (worker_)
            ostler_worker_busy(worker_);
    }

    void on(std::uint64_t data)
    {
        if (data != from_outside)
            return serve(static_cast<int>(data & 0xffffffffu), data >> 32);
        if (worker_)
            take();
        else
            accept();
    }

    void accept()
    {
        const int fd = ::accept4(settings_.bare, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            begin(fd, 0);
    }

    void take()
    {
        ostler_event event = OSTLER_EVENT_INIT;
        const int rc = ostler_worker_next(worker_, &event, 0);
        if (rc >= 0 && event.type == OSTLER_CONNECTION)
            begin(event.fd, event.connection);
        else
            ended_ = rc == -EPIPE || (rc >= 0 && event.type == OSTLER_STOP);
    }

    // The request is usually there already.
    void begin(int fd, std::uint64_t connection)
    {
        if (try_serve(fd, connection))
            return;
        watch(EPOLL_CTL_ADD, fd, connection);
    }

    // One event: the master may hold a connection open a moment longer than we do, and epoll would
    // go on telling of it.
    void watch(int operation, int fd, std::uint64_t connection) const
    {
        epoll_event wanted{.events = EPOLLIN | EPOLLONESHOT,
                           .data = {.u64 = connection << 32 | static_cast<unsigned>(fd)}};
        ::epoll_ctl(epoll_, operation, fd, &wanted);
    }

    void serve(int fd, std::uint64_t connection)
    {
        if (!try_serve(fd, connection))
            watch(EPOLL_CTL_MOD, fd, connection);
    }

    bool try_serve(int fd, std::uint64_t connection)
    {
        char request[2048];
        const ssize_t got = ::recv(fd, request, sizeof request, 0);
        if (got < 0 && errno == EAGAIN)
            return false;
        if (got > 0) {
            block();
            (void)!::send(fd, answer_, answer_size_, MSG_NOSIGNAL);
        }
        ::close(fd);
        if (worker_)
            ostler_worker_done(worker_, connection);
        return true;
    }

    void block() const
    {
        const timespec time{0, settings_.block_ms * 1'000'000};
        if (blocks_)
            ::nanosleep(&time, nullptr);
    }

    Settings settings_;
    int epoll_;
    ostler_worker* worker_ = nullptr;
    bool blocks_ = false;
    bool ended_ = false;
    char answer_[256];
    std::size_t answer_size_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    Settings settings;
    if (argc == 3 && std::strcmp(argv[1], "--bare") == 0)
        settings.bare = std::atoi(argv[2]);
    if (argc == 4 && std::strcmp(argv[1], "--block-slot") == 0) {
        settings.block_slot = static_cast<unsigned>(std::atoi(argv[2]));
        settings.block_ms = std::atol(argv[3]);
    }
    return Lean{settings}.run();
}
