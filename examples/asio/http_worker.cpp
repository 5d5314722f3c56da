// SPDX-License-Identifier: MIT
// An HTTP server that is a worker of ostlerd, with Boost.Asio and Beast. /slow?ms=200 answers after
// a while, without keeping others waiting.
//
// Without ostlerd it serves alone:  http-worker-asio --listen 127.0.0.1:8080
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

#include <ostler_asio.hpp>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using namespace std::chrono_literals;
using asio::use_awaitable;
using boost::system::error_code;

namespace
{

constexpr auto as_result = asio::as_tuple(use_awaitable);

class Server
{
public:
    Server(asio::io_context& context, std::string greeting)
        : context_{context}, greeting_{std::move(greeting)}
    {
    }

    // Serves one connection. `Stream` is anything that owns a `socket`.
    template <typename Stream>
    void serve(Stream stream)
    {
        auto kept = std::make_shared<Stream>(std::move(stream));
        const auto session = sessions_.insert(sessions_.end(), Session{[kept] {
                                                  error_code ignored;
                                                  kept->socket.close(ignored);
                                              }});
        asio::co_spawn(context_, converse(kept, session),
                       [this, session](const std::exception_ptr&) { sessions_.erase(session); });
    }

    // From now on every answer says "Connection: close". Clients that were just about to ask have a
    // moment to do so; those that stay silent are let go.
    void drain()
    {
        draining_ = true;
        goodbye_.expires_after(50ms);
        goodbye_.async_wait([this](error_code error) {
            for (Session& session : sessions_)
                if (!error && session.silent)
                    session.close();
        });
    }

private:
    struct Session {
        std::function<void()> close;
        bool silent = false; // waiting for a request of which nothing has come
    };
    using Place = std::list<Session>::iterator;

    template <typename Stream>
    asio::awaitable<void> converse(std::shared_ptr<Stream> stream, Place session)
    {
        boost::beast::flat_buffer buffer{8192};
        for (bool keep = true; keep;) {
            http::request<http::string_body> request;
            session->silent = buffer.size() == 0;
            const auto [failed, size] =
                co_await http::async_read(stream->socket, buffer, request, as_result);
            session->silent = false;
            if (failed)
                break;
            if (const auto delay = delay_of(request.target()); delay > 0ms) {
                asio::steady_timer timer{context_, delay};
                co_await timer.async_wait(use_awaitable);
            }
            http::response<http::string_body> response{http::status::ok, request.version()};
            response.set(http::field::content_type, "text/plain");
            keep = request.keep_alive() && !draining_;
            response.keep_alive(keep);
            response.body() = greeting_;
            response.prepare_payload();
            const auto [lost, sent] =
                co_await http::async_write(stream->socket, response, as_result);
            keep = keep && !lost;
        }
    }

    static std::chrono::milliseconds delay_of(std::string_view target)
    {
        constexpr std::string_view slow = "/slow?ms=";
        if (target.substr(0, slow.size()) != slow)
            return 0ms;
        return std::chrono::milliseconds{
            std::atoi(std::string{target.substr(slow.size())}.c_str())};
    }

    asio::io_context& context_;
    std::string greeting_;
    bool draining_ = false;
    asio::steady_timer goodbye_{context_};
    std::list<Session> sessions_;
};

// Takes connections until ostlerd wants us to finish; the context then runs out of work by itself.
asio::awaitable<void> take(ostler::asio::Acceptor& acceptor, Server& server)
{
    for (;;) {
        auto [error, connection] = co_await acceptor.async_accept(as_result);
        if (error)
            break;
        server.serve(std::move(connection));
    }
    server.drain();
}

void serve_as_worker(ostler::Worker& worker)
{
    for (const std::string& name : worker.sockets())
        worker.listen(name);
    worker.ready();
    asio::io_context context{1};
    Server server{context, "hello from worker " + std::to_string(worker.id()) + " (pid " +
                               std::to_string(::getpid()) + ")\n"};
    ostler::asio::Acceptor acceptor{context.get_executor(), worker};
    asio::co_spawn(context, take(acceptor, server), asio::detached);
    ostler::asio::run(context, worker);
}

struct Alone {
    asio::ip::tcp::socket socket;
};

asio::awaitable<void> take_alone(asio::ip::tcp::acceptor& acceptor, Server& server)
{
    for (;;) {
        auto socket =
            co_await acceptor.async_accept(use_awaitable); // named: g++ 12 miscompiles the braces
        server.serve(Alone{std::move(socket)});
    }
}

void serve_alone(const std::string& where)
{
    const auto colon = where.rfind(':');
    const auto port = std::stoi(where.substr(colon + 1));
    asio::io_context context{1};
    asio::ip::tcp::acceptor acceptor{
        context,
        {asio::ip::make_address(where.substr(0, colon)), static_cast<std::uint16_t>(port)}};
    std::fprintf(stderr, "http-worker-asio: no ostlerd started this process; serving alone on %s\n",
                 where.c_str());
    Server server{context, "hello from pid " + std::to_string(::getpid()) + ", alone\n"};
    asio::co_spawn(context, take_alone(acceptor, server), asio::detached);
    context.run();
}

} // namespace

int main(int argc, char** argv)
try {
    std::string where = "127.0.0.1:8080";
    if (argc == 3 && std::string_view{argv[1]} == "--listen") {
        where = argv[2];
    } else if (argc != 1) {
        std::fprintf(stderr, "usage: http-worker-asio [--listen ADDRESS:PORT]\n");
        return 64;
    }
    if (std::optional<ostler::Worker> worker = ostler::Worker::join())
        serve_as_worker(*worker);
    else
        serve_alone(where);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "http-worker-asio: %s\n", error.what());
    return 1;
}
