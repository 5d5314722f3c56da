// SPDX-License-Identifier: MIT
// The scripted worker's event loop: connections, datagrams and the word of the daemon.
#pragma once

#include <cstdint>
#include <list>
#include <poll.h>
#include <vector>

#include "ipc/shim/ostler.h"
#include "tests/workers/connection.hpp"
#include "tests/workers/options.hpp"
#include "tests/workers/page_scribbler.hpp"
#include "tests/workers/taken_log.hpp"

namespace ostler::test
{

class Server
{
public:
    Server(ostler_worker* worker, const Options& options)
        : options_{options}, log_{options.taken_log}, host_{.worker = worker, .options = &options}
    {
    }
    int listen_everywhere(); // 0 or a negative errno
    int run();               // until told to stop; the worker's exit code
    // What a worker that holds a shared socket can do to all the others.
    static void shut_down_listeners();

private:
    using Clock = Connection::Clock;
    struct Datagrams {
        std::uint32_t listener;
        int socket; // lent by the library
    };
    void wait(Clock::time_point begun);
    void scribble();
    [[nodiscard]] int milliseconds_to_next(Clock::time_point begun) const;
    void turn();
    void after(std::list<Connection>::iterator one, Connection::Next next);
    void take_events();
    void take(const ostler_event& event);
    void obey(const ostler_event& event);
    void do_what_was_asked();
    void let_go();
    void echo(int socket);

    const Options& options_;
    TakenLog log_;
    PageScribbler scribbler_;
    Host host_;
    std::list<Connection> connections_;
    std::vector<Datagrams> datagrams_;
    std::vector<pollfd> watched_;
    bool gone_ = false; // the daemon let us go: finish what runs
    bool ended_ = false;
};

} // namespace ostler::test
