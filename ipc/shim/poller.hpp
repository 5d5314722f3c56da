// SPDX-License-Identifier: MIT
// What the worker waits for, in an epoll instance of its own or in the program's. In the program's
// everything carries one mark, so there it does not tell what is ready.
#pragma once

#include <cstdint>
#include <span>
#include <sys/epoll.h>

#include "ipc/os/fd.hpp"
#include "ipc/shim/clock.hpp"

namespace ostler::shim
{

class Poller
{
public:
    [[nodiscard]] int open();
    void attach(os::FdRef program, std::uint64_t mark);
    [[nodiscard]] bool attached() const { return attached_; }
    [[nodiscard]] int descriptor() const { return own_.get(); }

    // exclusive: of all processes that watch this socket the kernel wakes one.
    enum class Wake { all, exclusive };
    [[nodiscard]] int watch(os::FdRef fd, std::uint64_t which, Wake wake = Wake::all);
    void forget(os::FdRef fd);
    // One that is watched already: whether it is for room to write, too.
    void watch_for_room(os::FdRef fd, std::uint64_t which, bool wanted);

    // The number of events, 0 when the time is over. A signal does not end it.
    [[nodiscard]] int wait(std::span<epoll_event> events, Deadline deadline);

private:
    [[nodiscard]] int epoll() const { return attached_ ? program_ : own_.get(); }

    os::UniqueFd own_;
    bool attached_ = false;
    int program_ = -1; // lent
    std::uint64_t mark_ = 0;
};

} // namespace ostler::shim
