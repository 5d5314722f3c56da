// SPDX-License-Identifier: MIT
#include "tests/support/member.hpp"

#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>

namespace ostler::test
{

using namespace wire::native;

Member::Member(const std::string& sockets)
{
    REQUIRE(::setenv("OSTLER_CHANNEL_FD", std::to_string(master.give_workers_end()).c_str(), 1) ==
            0);
    auto opening = in_background([this] { return ostler_worker_open(&worker); });
    master.welcome(sockets);
    REQUIRE(opening.get() == 0);
}

Queue Member::listen_to_queue(std::uint32_t listener)
{
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(worker, nullptr, 20'000, &number); });
    Queue queue = master.grant_queue(listener);
    REQUIRE(listening.get() == 0);
    CHECK(number == listener);
    return queue;
}

std::uint32_t Member::listen_to(os::FdRef socket, bool datagram)
{
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(worker, nullptr, 20'000, &number); });
    const auto request = master.hear_of_type<Listen>().second;
    master.grant(request, 5, How::socket, socket, datagram);
    REQUIRE(listening.get() == 0);
    return number;
}

int Member::listen_answered(const Listening& answer, os::FdRef fd)
{
    std::uint32_t number = 0;
    auto listening =
        in_background([&] { return ostler_worker_listen(worker, nullptr, 20'000, &number); });
    master.send(answer, master.hear_of_type<Listen>().second, fd);
    return listening.get();
}

ostler_event Member::next(int timeout_ms)
{
    ostler_event event = OSTLER_EVENT_INIT;
    rc = ostler_worker_next(worker, &event, timeout_ms);
    return event;
}

Visit make_visit()
{
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {os::UniqueFd{os::adopt, ends[0]}, os::UniqueFd{os::adopt, ends[1]}};
}

bool closed(os::FdRef client)
{
    char byte;
    return polls_readable(client.get(), static_cast<int>(patience.count())) &&
           ::recv(client.get(), &byte, 1, 0) == 0;
}

bool polls_readable(int fd, int timeout_ms)
{
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, timeout_ms) == 1;
}

} // namespace ostler::test
