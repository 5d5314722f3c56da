// SPDX-License-Identifier: MIT
#include "tests/support/http_client.hpp"

#include <cerrno>
#include <poll.h>

namespace ostler::test
{

HttpClient::HttpClient(const Endpoint& server, Milliseconds within)
    : socket_{server.make_socket(SOCK_NONBLOCK)}, within_{within}
{
    if (::connect(socket_.get(), server.address(), server.size()) != 0) {
        error_ = errno;
        socklen_t size = sizeof error_;
        if (error_ == EINPROGRESS && wait_for(POLLOUT))
            ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_, &size);
    }
    port_ = local_port(socket_.borrow());
}

bool HttpClient::wait_for(short events)
{
    pollfd one{socket_.get(), events, 0};
    const int got = ::poll(&one, 1, static_cast<int>(within_.count()));
    if (got == 0)
        error_ = ETIMEDOUT;
    return got > 0;
}

void HttpClient::ask(const std::string& path, Keep keep)
{
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: " +
                                (keep == Keep::alive ? "keep-alive" : "close") + "\r\n\r\n";
    if (connected() && ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        error_ = errno;
}

Answer HttpClient::answer()
{
    std::string received;
    char buffer[4096];
    while (connected() && wait_for(POLLIN)) {
        const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (got < 0)
            error_ = errno;
        if (got <= 0)
            break;
        received.append(buffer, static_cast<std::size_t>(got));
        if (complete_answer(received))
            break;
    }
    return parse_answer(received);
}

Answer HttpClient::get(const std::string& path, Keep keep)
{
    ask(path, keep);
    return answer();
}

bool HttpClient::closed_by_server()
{
    char byte;
    while (wait_for(POLLIN))
        if (::recv(socket_.get(), &byte, 1, 0) <= 0)
            return true;
    return false;
}

Answer get(const Endpoint& server, const std::string& path, Milliseconds within)
{
    return HttpClient{server, within}.get(path);
}

std::string ask_datagram(const Endpoint& server, const std::string& text)
{
    const os::UniqueFd socket = server.make_socket();
    ::sendto(socket.get(), text.data(), text.size(), 0, server.address(), server.size());
    pollfd one{socket.get(), POLLIN, 0};
    char buffer[2048];
    if (::poll(&one, 1, static_cast<int>(patience.count())) <= 0)
        return {};
    const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
}

} // namespace ostler::test
