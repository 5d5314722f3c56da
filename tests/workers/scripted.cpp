// SPDX-License-Identifier: MIT
// A worker for tests: an HTTP server on libostler that says who it is and misbehaves as told, by
// its options or by the path of a request.
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "ipc/shim/ostler.h"
#include "tests/workers/options.hpp"
#include "tests/workers/page_scribbler.hpp"
#include "tests/workers/server.hpp"

namespace ostler::test
{

namespace
{

void spawn_children(const Options& options)
{
    for (unsigned i = 0; i < options.children; ++i)
        if (::fork() == 0) {
            if (options.children_leave_group)
                ::setsid();
            ::signal(SIGTERM, SIG_IGN);
            ::execlp("sleep", "sleep", "600", nullptr);
            ::_exit(127);
        }
}

// True for the first worker that asks: later ones behave.
bool first(const std::string& mark)
{
    const int file = ::open(mark.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file >= 0)
        ::close(file);
    return file >= 0;
}

void before_joining(const Options& options)
{
    if (options.ignore_term)
        ::signal(SIGTERM, SIG_IGN);
    if (!options.exit_if.empty() && ::access(options.exit_if.c_str(), F_OK) == 0)
        ::_exit(3);
    for (unsigned line = 1; line <= options.print_lines; ++line)
        std::printf("line %u\n", line);
    std::fflush(stdout);
    spawn_children(options);
    block_loop(options.start_ms);
    while (options.hang_in_start)
        ::pause();
}

int serve(ostler_worker* worker, const Options& options)
{
    Server server{worker, options};
    if (!options.never_listen)
        if (const int rc = server.listen_everywhere(); rc < 0) {
            std::fprintf(stderr, "cannot listen: %s\n", ostler_worker_reason(worker));
            return 1;
        }
    if (!options.never_ready)
        ostler_worker_ready(worker);
    if (options.scribble_page && PageScribbler::could_shrink())
        std::printf("the page could be shrunk\n");
    if (options.shutdown_listener && first(options.once))
        Server::shut_down_listeners();
    return server.run();
}

} // namespace

} // namespace ostler::test

int main(int argc, char** argv)
{
    using namespace ostler::test;
    Options options;
    if (const auto mistake = read_options(argc, argv, options)) {
        std::fprintf(stderr, "%s\n", mistake->c_str());
        return 64;
    }
    before_joining(options);
    ostler_worker* worker = nullptr;
    if (const int rc = ostler_worker_open(&worker); rc < 0) {
        std::fprintf(stderr, "not started by ostlerd (%d)\n", rc);
        return 69;
    }
    const int code = serve(worker, options);
    ostler_worker_close(worker);
    return code;
}
