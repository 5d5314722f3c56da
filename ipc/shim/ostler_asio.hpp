// SPDX-License-Identifier: MIT
// ostler_asio.hpp — connections from ostlerd as Asio sockets (Boost.Asio 1.70 or newer).
//
//     ostler::Worker worker;
//     worker.listen();
//     worker.ready();
//     boost::asio::io_context context{1};
//     ostler::asio::Acceptor acceptor{context.get_executor(), worker};
//     acceptor.async_accept([](auto error, ostler::asio::Connection connection) { … });
//     ostler::asio::run(context, worker);
//
// An acceptor takes from all listeners of its worker, queues and shared sockets alike, and belongs
// to the thread that runs the context.
#ifndef OSTLER_ASIO_HPP
#define OSTLER_ASIO_HPP

#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <unistd.h>

#include "ostler.hpp"

namespace ostler::asio
{

// A connection that was taken. Closes its socket and says that it is done when it goes.
class Connection
{
public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Connection(Socket from, Worker& worker, const ostler_event& event)
        : socket{std::move(from)}, worker_{&worker}, id_{event.connection}, event_{event}
    {
    }
    Connection(Connection&& other) noexcept
        : socket{std::move(other.socket)},
          worker_{std::exchange(other.worker_, nullptr)},
          id_{other.id_},
          event_{other.event_}
    {
    }
    Connection& operator=(Connection&& other) noexcept
    {
        if (this != &other) {
            finish();
            socket = std::move(other.socket);
            worker_ = std::exchange(other.worker_, nullptr);
            id_ = other.id_;
            event_ = other.event_;
        }
        return *this;
    }
    ~Connection() { finish(); }

    std::uint64_t id() const { return id_; }
    std::uint32_t listener() const { return event_.listener; }
    const sockaddr_storage& peer() const { return event_.peer; }

    Socket socket;

private:
    friend class Acceptor;
    explicit Connection(const boost::asio::any_io_executor& executor) : socket{executor} {}
    void finish()
    {
        // Released first: Asio's own close() leaves the socket in its epoll set, where it would go
        // on reporting for as long as whoever passed it has it open too.
        boost::system::error_code ignored;
        if (socket.is_open())
            ::close(socket.release(ignored));
        if (Worker* worker = std::exchange(worker_, nullptr))
            ostler_worker_done(worker->get(), id_);
    }

    Worker* worker_ = nullptr;
    std::uint64_t id_ = 0;
    ostler_event event_{};
};

class Acceptor
{
public:
    using executor_type = boost::asio::any_io_executor;
    using Error = boost::system::error_code;

    Acceptor(const executor_type& executor, Worker& worker)
        : worker_{worker}, descriptor_{executor, worker.fd()}
    {
    }
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    ~Acceptor() { descriptor_.release(); } // the worker's own

    executor_type get_executor() { return descriptor_.get_executor(); }
    void cancel() { descriptor_.cancel(); }

    // ostlerd wants this worker to finish: say "Connection: close" where there is such a thing.
    bool draining() const { return draining_; }

    // Called for each OSTLER_MESSAGE while an async_accept waits; event.message is lent, event.fd
    // is the handler's to close. Without one messages are dropped.
    std::function<void(const ostler_event&)> on_message;

    // Signature: void(error_code, Connection). One at a time. Errors: eof when a drain begins, and,
    // if called again then, when it is over; broken_pipe when ostlerd has gone; operation_aborted
    // after cancel().
    template <typename Token>
    auto async_accept(Token&& token)
    {
        return boost::asio::async_compose<Token, void(Error, Connection)>(Take{*this, false}, token,
                                                                          descriptor_);
    }

private:
    // The steps of one async_accept: waits, looks, and waits again when it was nothing.
    struct Take {
        Acceptor& acceptor;
        bool waited;

        template <typename Self>
        void operator()(Self& self, Error error = {})
        {
            if (error || (waited && acceptor.take(error))) {
                // Named, as evaluation order would otherwise decide whether it is moved in time.
                Connection taken = std::move(acceptor.taken_);
                return self.complete(error, std::move(taken));
            }
            waited = true;
            acceptor.descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                            std::move(self));
        }
    };

    // True when the operation is over, with a connection in taken_ or an error.
    bool take(Error& error)
    {
        worker_.busy(); // this handler is where a turn of the loop begins
        ostler_event event = OSTLER_EVENT_INIT;
        const int rc = ostler_worker_next(worker_.get(), &event, 0);
        if (rc == -ETIMEDOUT)
            return false;
        if (rc < 0)
            error = Error{-rc, boost::system::generic_category()};
        else if (event.type == OSTLER_CONNECTION)
            adopt(event, error);
        else if (event.type == OSTLER_DRAIN || event.type == OSTLER_STOP)
            error = boost::asio::error::eof;
        else {
            if (event.type == OSTLER_MESSAGE)
                hear(event);
            return false;
        }
        draining_ = draining_ || event.type == OSTLER_DRAIN;
        return true;
    }

    void hear(const ostler_event& event)
    {
        if (on_message)
            on_message(event);
        else if (event.fd >= 0)
            ::close(event.fd);
    }

    void adopt(const ostler_event& event, Error& error)
    {
        Connection::Socket socket{descriptor_.get_executor()};
        socket.assign({event.peer.ss_family, 0}, event.fd, error);
        if (error)
            ::close(event.fd);
        taken_ = Connection{std::move(socket), worker_, event};
    }

    Worker& worker_;
    boost::asio::posix::stream_descriptor descriptor_;
    Connection taken_{descriptor_.get_executor()};
    bool draining_ = false;
};

// context.run() that says busy and idle. Asio does not tell when it has stopped waiting, so the
// first handler after a wait counts as idle time unless it is the acceptor's; all that follow from
// it count as busy.
inline void run(boost::asio::io_context& context, Worker& worker)
{
    for (;;) {
        worker.busy();
        context.poll();
        if (context.stopped())
            return;
        worker.idle();
        if (context.run_one() == 0)
            return;
    }
}

} // namespace ostler::asio

#endif
