// SPDX-License-Identifier: MIT
// Whoever reads the daemon's log, reads it or not: the workers are looked after all the same.
#include <boost/json.hpp>
#include <csignal>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/full_pipe.hpp"

using namespace ostler::test;

namespace
{

const std::string spec = plain_pool("workers: 2\nrestart: {backoff: {next: 10ms}}");

void lives_and_ends(Daemon& d)
{
    d.ready();
    const pid_t victim = d.pids("job").at(0);
    ::kill(victim, SIGKILL);
    CHECK(eventually([&] { return d.all_ready("job", 2) && d.pids("job").at(0) != victim; }));
    CHECK(d.must("status").exit == 0);
    d.signal(SIGUSR1); // which the keeper would mention
    CHECK(d.stop().exit == 0);
}

} // namespace

TEST_CASE("a daemon whose log nobody reads restarts workers, answers, and stops")
{
    FullPipe log;
    Daemon d{spec, {.err = log.writer().get()}};
    lives_and_ends(d);
}

TEST_CASE("a daemon whose log has lost its reader restarts workers, answers, and stops")
{
    FullPipe log;
    Daemon d{spec, {.err = log.writer().get()}};
    log.close_reader();
    lives_and_ends(d);
}

TEST_CASE("a log that is read again goes on where it was, to the last word")
{
    FullPipe log;
    std::string text;
    {
        Daemon d{spec, {.err = log.writer().get()}};
        d.ready();
        log.close_writer();
        d.signal(SIGTERM);
        text = log.read();
    }
    CHECK(text.find("is ready") != std::string::npos);
    CHECK(text.rfind('\n') == text.size() - 1);
}
