// SPDX-License-Identifier: MIT
// A few descriptors, watched for exactly what is wanted of each, through an epoll instance of their
// own inside Asio's. Asio registers a descriptor once for everything: the master would be woken by
// each connection of a shared socket, and by each packet that a worker takes.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "ipc/os/alive.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"

namespace ostler
{

class Readiness
{
public:
    enum class Want {
        shutdown,  // only that it was shut down
        input,     // that, and something to read
        room_once, // that, and room to write; once, then nothing more
        nothing,   // not even that; until changed
    };
    struct Event {
        std::uint64_t key = 0;
        bool shut = false;
    };
    using Handler = std::function<void(Event)>;

    [[nodiscard]] static os::Result<std::unique_ptr<Readiness>>
    make(boost::asio::any_io_executor executor);

    void start(Handler handler);
    [[nodiscard]] os::Result<void> add(os::FdRef fd, std::uint64_t key, Want want);
    void change(os::FdRef fd, std::uint64_t key, Want want);
    void forget(os::FdRef fd); // before it is closed: others may hold it open

private:
    explicit Readiness(boost::asio::posix::stream_descriptor epoll) : epoll_{std::move(epoll)} {}
    void wait();
    void collect();

    boost::asio::posix::stream_descriptor epoll_;
    Handler handler_;
    os::Alive alive_;
};

} // namespace ostler
