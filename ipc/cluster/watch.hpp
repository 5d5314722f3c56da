// SPDX-License-Identifier: MIT
// One descriptor for loops of others that is readable whenever there is something to do: a socket
// has something or room, or somebody stirred.
#pragma once

#include "ipc/os/fd.hpp"

namespace ostler::cluster
{

class Watch
{
public:
    explicit Watch(os::FdRef socket); // which outlives us; throws Error

    [[nodiscard]] int fd() const { return epoll_.get(); }
    void want_room(bool wanted); // in the socket
    void stir();                 // readable from now on, until
    void calm();

private:
    os::FdRef socket_;
    os::UniqueFd epoll_;
    os::UniqueFd stirred_;
    bool wants_room_ = false;
};

} // namespace ostler::cluster
