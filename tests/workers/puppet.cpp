// SPDX-License-Identifier: MIT
// A worker that does what a test tells it, line by line on a connection that it was handed; each
// line has one line as its answer. While a connection is open it does nothing else: it reads no
// messages unless told to.
//   send to=worker:3|pool:b|all|controllers [text=x|size=N] [json] [confirm] [keep] [timeout=MS]
//        [fd=this|lingering] [times=N]              → what the last returned, and how many
//        succeeded
//   next MS                                         → type=…
//   listen ADDRESS [v6only] [exclusive] [backlog=N] → "ok NUMBER ADDRESS", or "rc=… REASON"
//   unlisten NUMBER
//   datagram NUMBER MS                              → answers one by our id
//   done ID · write FD TEXT · close FD · connect PORT · disconnect · leave · kill · exit N
//   connected · asked · id
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/shim/ostler.h"

namespace
{

using Words = std::map<std::string, std::string>; // key → value, or word → ""

ostler_worker* worker = nullptr; // NOLINT: there is one

Words words_of(std::istringstream& line)
{
    Words words;
    for (std::string word; line >> word;) {
        const auto equals = word.find('=');
        words[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
    }
    return words;
}

long number(const Words& words, const char* key, long otherwise)
{
    const auto found = words.find(key);
    return found == words.end() ? otherwise : std::strtol(found->second.c_str(), nullptr, 10);
}

sockaddr_in loopback(int port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int connect_to(int port)
{
    const sockaddr_in address = loopback(port);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return -errno;
    return fd;
}

// A socket whose last close waits for two seconds: its peer (ours, for ever) does not read.
int make_lingering()
{
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listening, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listening, 1) != 0 ||
        ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return -1;
    const int fd = connect_to(ntohs(address.sin_port));
    static_cast<void>(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    const linger slow{1, 2};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &slow, sizeof slow);
    const std::string much(1 << 20, 'x');
    while (::send(fd, much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    return fd;
}

std::string send(const Words& words, int connection)
{
    std::string to = words.at("to");
    const auto colon = to.find(':');
    const std::string whom = colon == std::string::npos ? "" : to.substr(colon + 1);
    to = to.substr(0, colon);
    const std::string text =
        words.contains("text")
            ? words.at("text")
            : std::string(static_cast<std::size_t>(number(words, "size", 0)), 's');
    ostler_message message = OSTLER_MESSAGE_INIT;
    message.kind = to == "worker" ? OSTLER_WORKER
                   : to == "pool" ? OSTLER_POOL
                   : to == "all"  ? OSTLER_ALL
                                  : OSTLER_CONTROLLERS;
    message.worker = to == "worker" ? std::strtoull(whom.c_str(), nullptr, 10) : 0;
    message.pool = to == "pool" ? whom.c_str() : nullptr;
    message.content = words.contains("json") ? OSTLER_JSON : OSTLER_BYTES;
    if (words.contains("confirm"))
        message.flags |= OSTLER_CONFIRM;
    if (words.contains("keep"))
        message.flags |= OSTLER_KEEP_OPEN;
    message.data = text.data();
    message.length = text.size();
    int rc = 0;
    long sent = 0;
    for (long i = 0; i < number(words, "times", 1); ++i) {
        if (words.contains("fd"))
            message.fd = words.at("fd") == "this" ? ::fcntl(connection, F_DUPFD_CLOEXEC, 0)
                                                  : make_lingering();
        rc = ostler_worker_send(worker, &message,
                                static_cast<int>(number(words, "timeout", 10'000)));
        sent += rc >= 0 ? 1 : 0;
        if (rc == -EPIPE)
            break;
    }
    const bool open = message.fd >= 0 && ::fcntl(message.fd, F_GETFD) >= 0;
    return "rc=" + std::to_string(rc) + " sent=" + std::to_string(sent) +
           (words.contains("fd") ? (open ? " open" : " closed") : "");
}

std::string shown(const ostler_event& event)
{
    std::ostringstream line;
    if (event.type == OSTLER_MESSAGE) {
        const ostler_message& message = *event.message;
        const auto* data = static_cast<const char*>(message.data);
        line << "message from=" << message.kind << ":" << message.worker << ":" << message.pool
             << " content=" << message.content << " size=" << message.length
             << " fd=" << message.fd;
        if (message.length != 0)
            line << " text=" << std::string{data, std::min<std::size_t>(message.length, 40)};
    } else if (event.type == OSTLER_CONNECTION) {
        line << "connection id=" << event.connection << " fd=" << event.fd;
    } else {
        line << (event.type == OSTLER_DRAIN  ? "drain"
                 : event.type == OSTLER_STOP ? "stop"
                                             : "other");
    }
    return line.str();
}

std::string next(int timeout_ms)
{
    ostler_event event = OSTLER_EVENT_INIT;
    const int rc = ostler_worker_next(worker, &event, timeout_ms);
    return rc < 0 ? "rc=" + std::to_string(rc) : shown(event);
}

std::string listen_at(const std::string& text, const Words& words)
{
    ostler_address address = OSTLER_ADDRESS_INIT;
    address.text = text.c_str();
    address.backlog = static_cast<std::uint32_t>(number(words, "backlog", 0));
    if (words.contains("v6only"))
        address.flags |= OSTLER_V6ONLY;
    if (words.contains("exclusive"))
        address.flags |= OSTLER_EXCLUSIVE;
    std::uint32_t listener = 0;
    const int rc = ostler_worker_listen_at(worker, &address, 10'000, &listener);
    if (rc < 0)
        return "rc=" + std::to_string(rc) + " " + ostler_worker_reason(worker);
    return "ok " + std::to_string(listener) + " " + ostler_listener_address(worker, listener);
}

std::string answer_datagram(std::uint32_t listener, int timeout_ms)
{
    pollfd one{ostler_listener_fd(worker, listener), POLLIN, 0};
    if (::poll(&one, 1, timeout_ms) != 1)
        return "nothing";
    char space[16];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    if (::recvfrom(one.fd, space, sizeof space, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from),
                   &size) < 0)
        return "another took it";
    const std::string id = std::to_string(ostler_worker_id(worker));
    const ssize_t sent =
        ::sendto(one.fd, id.data(), id.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    return sent < 0 ? "rc=" + std::to_string(-errno) : "answered";
}

std::string obey(const std::string& text, int connection)
{
    std::istringstream line{text};
    std::string verb, word;
    line >> verb;
    if (verb == "listen") {
        line >> word;
        return listen_at(word, words_of(line));
    }
    if (verb == "send")
        return send(words_of(line), connection);
    if (verb == "disconnect")
        return std::to_string(ostler_worker_disconnect(worker));
    if (verb == "leave")
        return std::to_string(ostler_worker_leave(worker, 10'000));
    if (verb == "kill")
        ostler_worker_kill(worker);
    if (verb == "connected")
        return std::to_string(ostler_worker_is_connected(worker));
    if (verb == "asked")
        return std::to_string(ostler_worker_exited_after_disconnect(worker));
    if (verb == "id")
        return std::to_string(ostler_worker_id(worker));
    long argument = 0;
    line >> argument;
    if (verb == "next")
        return next(static_cast<int>(argument));
    if (verb == "unlisten")
        return std::to_string(
            ostler_worker_close_listener(worker, static_cast<std::uint32_t>(argument)));
    if (verb == "datagram") {
        int timeout_ms = 0;
        line >> timeout_ms;
        return answer_datagram(static_cast<std::uint32_t>(argument), timeout_ms);
    }
    if (verb == "done")
        return std::to_string(ostler_worker_done(worker, static_cast<std::uint64_t>(argument)));
    if (verb == "close")
        return std::to_string(::close(static_cast<int>(argument)));
    if (verb == "connect")
        return std::to_string(connect_to(static_cast<int>(argument)));
    if (verb == "exit")
        ::_exit(static_cast<int>(argument));
    line >> word;
    if (verb == "write")
        return std::to_string(
            ::send(static_cast<int>(argument), word.data(), word.size(), MSG_NOSIGNAL));
    return "what?";
}

void serve(int connection)
{
    ::fcntl(connection, F_SETFL, 0);
    std::FILE* stream = ::fdopen(connection, "r");
    char line[8192];
    while (std::fgets(line, sizeof line, stream) != nullptr) {
        const std::string answer = obey(line, connection) + "\n";
        static_cast<void>(::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL));
    }
    std::fclose(stream);
}

int run()
{
    for (std::uint32_t i = 0, listener = 0; const char *name = ostler_worker_socket(worker, i); ++i)
        if (ostler_worker_listen(worker, name, 10'000, &listener) < 0)
            return 1;
    ostler_worker_ready(worker);
    for (ostler_event event = OSTLER_EVENT_INIT;;) {
        const int rc = ostler_worker_next(worker, &event, -1);
        if (rc < 0 || event.type == OSTLER_STOP)
            return rc == -EPIPE || rc == 0 ? 0 : 1;
        if (event.type == OSTLER_MESSAGE && event.fd >= 0)
            ::close(event.fd);
        if (event.type != OSTLER_CONNECTION)
            continue;
        ostler_worker_done(worker, event.connection); // it is the test's, not a client
        serve(event.fd);
    }
}

} // namespace

int main()
{
    if (ostler_worker_open(&worker) < 0)
        return 69;
    const int code = run();
    ostler_worker_close(worker);
    return code;
}
