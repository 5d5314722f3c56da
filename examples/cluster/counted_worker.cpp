// SPDX-License-Identifier: MIT
// Answers each connection with a line of HTTP, and tells controllers of it.
#include <cstdio>
#include <fcntl.h>
#include <ostler.hpp>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace
{

// One request at a time, so it may block; connections come nonblocking.
void answer(int connection)
{
    ::fcntl(connection, F_SETFL, 0);
    const timeval patience{5, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char request[4096];
    if (::recv(connection, request, sizeof request, 0) > 0) {
        const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n"
                                     "Connection: close\r\n\r\nhello world\n";
        (void)::send(connection, response.data(), response.size(), MSG_NOSIGNAL);
    }
    ::close(connection);
}

void notify(ostler::Worker& worker)
{
    const std::string text = R"({"cmd": "notifyRequest"})";
    ostler_message message = OSTLER_MESSAGE_INIT;
    message.kind = OSTLER_CONTROLLERS;
    message.content = OSTLER_JSON;
    message.data = text.data();
    message.length = text.size();
    worker.send(message);
}

} // namespace

int main()
try {
    ostler::Worker worker;
    worker.listen();
    worker.ready();
    while (const auto event = worker.next()) {
        if (event->type == OSTLER_STOP)
            break;
        if (event->type != OSTLER_CONNECTION)
            continue;
        answer(event->fd);
        worker.done(event->connection);
        notify(worker);
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "counted_worker: %s\n", error.what());
    return 1;
}
