// SPDX-License-Identifier: MIT
// ostler.hpp — ostler.h for C++17 and newer: handles that close themselves, errors as
// std::system_error, and no feature of its own. Read ostler.h for what everything means.
//
//     ostler::Worker worker; // std::errc::no_such_device_or_address: nobody started us
//     worker.listen();
//     worker.ready();
//     while (auto event = worker.next()) {
//         if (event->type == OSTLER_STOP)
//             break;
//         if (event->type == OSTLER_CONNECTION) {
//             serve(event->fd);
//             worker.done(event->connection);
//         }
//     }
#ifndef OSTLER_HPP
#define OSTLER_HPP

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "ostler.h"

namespace ostler
{

class Worker
{
public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr Milliseconds for_ever{-1};

    Worker()
    {
        ostler_worker* handle = nullptr;
        check(ostler_worker_open(&handle), "joining ostlerd");
        handle_.reset(handle);
    }
    // Joins; empty when no ostlerd started this process.
    static std::optional<Worker> join()
    {
        ostler_worker* handle = nullptr;
        const int rc = ostler_worker_open(&handle);
        if (rc == -ENXIO)
            return std::nullopt;
        check(rc, "joining ostlerd");
        return Worker{handle};
    }

    std::uint64_t id() const { return ostler_worker_id(get()); }
    std::uint32_t slot() const { return ostler_worker_slot(get()); }
    std::uint32_t generation() const { return ostler_worker_generation(get()); }
    std::string pool() const { return ostler_worker_pool(get()); }
    std::vector<std::string> sockets() const
    {
        std::vector<std::string> names;
        for (std::uint32_t i = 0; const char* name = ostler_worker_socket(get(), i); ++i)
            names.emplace_back(name);
        return names;
    }

    // Returns the listener's number. Without a name: the pool's only socket.
    std::uint32_t listen(Milliseconds timeout = std::chrono::seconds{10})
    {
        return listen(nullptr, timeout);
    }
    std::uint32_t listen(const std::string& name, Milliseconds timeout = std::chrono::seconds{10})
    {
        return listen(name.c_str(), timeout);
    }
    // At an address of our own choice: "tcp://*:8080", "unix:app.sock", …
    std::uint32_t listen_at(const std::string& where, std::uint32_t flags = 0,
                            std::uint32_t backlog = 0,
                            Milliseconds timeout = std::chrono::seconds{10})
    {
        ostler_address address = OSTLER_ADDRESS_INIT;
        address.text = where.c_str();
        address.flags = flags;
        address.backlog = backlog;
        std::uint32_t number = 0;
        check_listening(ostler_worker_listen_at(get(), &address, milliseconds(timeout), &number));
        return number;
    }
    void close_listener(std::uint32_t listener)
    {
        check(ostler_worker_close_listener(get(), listener), "closing a listener");
    }
    std::string address(std::uint32_t listener) const
    {
        const char* address = ostler_listener_address(get(), listener);
        return address != nullptr ? address : "";
    }
    ostler_kind kind(std::uint32_t listener) const
    {
        return static_cast<ostler_kind>(
            check(ostler_listener_kind(get(), listener), "asking about a listener"));
    }
    int descriptor(std::uint32_t listener) // lent
    {
        return check(ostler_listener_fd(get(), listener), "borrowing a socket");
    }

    void ready() { check(ostler_worker_ready(get()), "saying ready"); }
    void done(std::uint64_t connection)
    {
        check(ostler_worker_done(get(), connection), "counting a connection");
    }
    void busy() { ostler_worker_busy(get()); }
    void idle() { ostler_worker_idle(get()); }
    // The next event, or nothing when the time is over. Throws broken_pipe when ostlerd has gone.
    std::optional<ostler_event> next(Milliseconds timeout = for_ever)
    {
        ostler_event event = OSTLER_EVENT_INIT;
        const int rc = ostler_worker_next(get(), &event, static_cast<int>(timeout.count()));
        if (rc == -ETIMEDOUT)
            return std::nullopt;
        check(rc, "waiting for ostlerd");
        return event;
    }
    int fd() { return check(ostler_worker_fd(get()), "asking for the descriptor"); } // lent
    void attach(int epoll, std::uint64_t data)
    {
        check(ostler_worker_attach(get(), epoll, data), "joining an epoll instance");
    }
    // To how many it went, with OSTLER_CONFIRM. Throws would_block with timeout 0 and no room.
    unsigned send(const ostler_message& message, Milliseconds timeout = std::chrono::seconds{10})
    {
        const int rc = ostler_worker_send(get(), &message, static_cast<int>(timeout.count()));
        return static_cast<unsigned>(check(rc, "sending a message"));
    }
    void disconnect() { check(ostler_worker_disconnect(get()), "disconnecting"); }
    void kill() { ostler_worker_kill(get()); } // does not return
    bool connected() const { return ostler_worker_is_connected(get()) == 1; }
    // Nothing as long as that is not decided.
    std::optional<bool> exited_after_disconnect() const
    {
        const int known = ostler_worker_exited_after_disconnect(get());
        return known < 0 ? std::nullopt : std::optional<bool>{known == 1};
    }
    void leave(Milliseconds timeout = std::chrono::seconds{10})
    {
        check(ostler_worker_leave(get(), static_cast<int>(timeout.count())), "leaving");
    }

    ostler_worker* get() const { return handle_.get(); }

private:
    struct Close {
        void operator()(ostler_worker* handle) const { ostler_worker_close(handle); }
    };
    explicit Worker(ostler_worker* handle) : handle_{handle} {}
    static int check(int rc, const char* what)
    {
        if (rc < 0)
            throw std::system_error{-rc, std::generic_category(), what};
        return rc;
    }
    std::uint32_t listen(const char* name, Milliseconds timeout)
    {
        std::uint32_t number = 0;
        check_listening(ostler_worker_listen(get(), name, milliseconds(timeout), &number));
        return number;
    }
    void check_listening(int rc) const
    {
        const std::string reason = ostler_worker_reason(get());
        check(rc, reason.empty() ? "listening" : reason.c_str());
    }
    static int milliseconds(Milliseconds time) { return static_cast<int>(time.count()); }

    std::unique_ptr<ostler_worker, Close> handle_;
};

} // namespace ostler

#endif
