// SPDX-License-Identifier: MIT
#include "tests/workers/connection.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/socket.h>
#include <unistd.h>

namespace ostler::test
{

namespace
{

std::string text(std::uint64_t number)
{
    return std::to_string(number);
}

// "/slow/20?id=7" after "/slow/" is 20; nullopt when the path is another.
std::optional<unsigned> argument(const std::string& path, const std::string& prefix)
{
    if (path.rfind(prefix, 0) != 0)
        return {};
    return static_cast<unsigned>(std::atoi(path.c_str() + prefix.size()));
}

[[noreturn]] void crash()
{
    ::signal(SIGSEGV, SIG_DFL); // a sanitizer would answer for us
    ::raise(SIGSEGV);
    ::_exit(99);
}

} // namespace

std::string describe_self(const ostler_worker* worker, const std::string& path)
{
    return "{\"worker\":" + text(ostler_worker_id(worker)) +
           ",\"slot\":" + text(ostler_worker_slot(worker)) +
           ",\"pid\":" + text(static_cast<std::uint64_t>(::getpid())) +
           ",\"generation\":" + text(ostler_worker_generation(worker)) + ",\"pool\":\"" +
           ostler_worker_pool(worker) + "\",\"path\":\"" + path + "\"}";
}

void block_loop(unsigned milliseconds)
{
    const timespec time{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1'000'000};
    ::nanosleep(&time, nullptr);
}

Connection::Next Connection::read(Host& host)
{
    char buffer[2048];
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN)
        return Next::reads;
    if (got <= 0)
        return Next::ended;
    received_.append(buffer, static_cast<std::size_t>(got));
    const auto end = received_.find("\r\n\r\n");
    if (end == std::string::npos)
        return received_.size() > 16384 ? Next::ended : Next::reads;
    const std::string request = received_.substr(0, end);
    received_.erase(0, end + 4);
    keep_alive_ = request.find("keep-alive") != std::string::npos;
    path_ = request.substr(4, request.find(' ', 4) - 4); // "GET /… HTTP/1.1"
    return obey(host, path_);
}

Connection::Next Connection::obey(Host& host, const std::string& path)
{
    if (!host.options->crash_on.empty() && path.rfind(host.options->crash_on, 0) == 0)
        crash();
    if (path.rfind("/crash", 0) == 0)
        crash();
    if (const auto code = argument(path, "/exit/"))
        ::_exit(static_cast<int>(*code));
    if (const auto time = argument(path, "/slow/")) {
        due_ = Clock::now() + std::chrono::milliseconds{*time};
        return Next::waits;
    }
    if (const auto time = argument(path, "/block/"))
        block_loop(*time);
    if (path.rfind("/print/", 0) == 0) {
        std::printf("%s\n", path.c_str() + 7);
        std::fflush(stdout);
    }
    host.leaving = host.leaving || path.rfind("/leave", 0) == 0;
    host.shutting_down = host.shutting_down || path.rfind("/shutdown", 0) == 0;
    block_loop(host.options->block_ms);
    return answer(host);
}

Connection::Next Connection::answer(Host& host)
{
    due_.reset();
    const bool keep = keep_alive_ && !host.draining;
    const std::string body = describe_self(host.worker, path_);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + text(body.size()) +
                               "\r\nConnection: " + (keep ? "keep-alive" : "close") + "\r\n\r\n" +
                               body;
    const ssize_t sent = ::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    return keep && sent > 0 ? Next::reads : Next::ended;
}

} // namespace ostler::test
