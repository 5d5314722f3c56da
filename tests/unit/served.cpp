// SPDX-License-Identifier: MIT
#include "tests/unit/served.hpp"

#include <sys/socket.h>

#include "ipc/control/address.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::test
{

awaitable<void> sleep_until_cancelled()
{
    asio::steady_timer never{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    co_await never.async_wait(asio::use_awaitable);
}

LogLine line(std::uint64_t number, std::string text)
{
    return {number, 0, "api", 0, 1, ostler::Stream::out, std::move(text)};
}

os::UniqueFd Served::raw()
{
    os::UniqueFd fd{os::adopt, ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    const auto address = control::address_of(path());
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) ==
            0);
    return fd;
}

Client::Deadline soon()
{
    return Client::Clock::now() + patience;
}

std::optional<control::Message> next_message(os::FdRef fd)
{
    std::vector<std::byte> buffer(control::max_packet);
    os::Received got;
    control::Assembler assembler{control::max_reply};
    control::Message message;
    auto fed = control::Assembler::Outcome::unfinished;
    while (fed == control::Assembler::Outcome::unfinished) {
        const int result = os::receive_packet(fd, buffer, {}, got, os::Wait::wait);
        if (result == -ECONNRESET)
            continue;
        if (result <= 0)
            return std::nullopt;
        fed = assembler.feed(std::span{buffer}.first(got.bytes), message);
    }
    REQUIRE(fed == control::Assembler::Outcome::message);
    return message;
}

void send_raw(os::FdRef fd, const std::string& packet)
{
    CHECK(os::send_packet(fd, std::as_bytes(std::span{packet}), {}, os::Wait::wait) == 0);
}

std::string request_packet(std::uint32_t number, boost::json::object body)
{
    return control::packets_of({control::Type::request, number, std::move(body)},
                               control::max_request)
        .at(0);
}

} // namespace ostler::test
