// SPDX-License-Identifier: MIT
// The real master with system calls that fail: what is answered is defined, nothing crashes, and no
// connection is lost that need not be.
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "tests/integration/specs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/load.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/programs.hpp"

using namespace ostler::test;
using Catch::Contains;

namespace
{

const std::string spec = web_pool("workers: 2\nrestart: {backoff: {next: 10ms}}\nrollout: "
                                  "{min_healthy: 0s}",
                                  "scheduling: round-robin");

// A daemon whose master's calls fail as told: "accept4:3:EMFILE".
Daemon::Settings with_faults(const std::string& rules)
{
    std::string for_master;
    for (const std::string& rule : words(rules))
        for_master += (for_master.empty() ? "" : ",") + rule + "@master";
    return {.env = {{"LD_PRELOAD", fault_library},
                    // The sanitizer's library is not the first one then.
                    {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                    {"OSTLER_FAULT", for_master},
                    {"OSTLER_FAULT_LOG", "DIR/faults"}},
            .expected_to_leave_socket = true};
}

bool happened(const Daemon& d, const std::string& function)
{
    return read_file(d / "faults").find(function + " ") != std::string::npos;
}

// The call that fails may be the one for our own question, which is then asked again.
template <typename Question>
bool answered(Question question)
try {
    question();
    return true;
} catch (const std::runtime_error&) {
    return false;
}

void all_answered(Daemon& d)
{
    std::optional<Endpoint> web;
    REQUIRE(eventually([&] { return answered([&] { web = d.at("web"); }); }));
    for (int i = 0; i < 8; ++i)
        CHECK(get(*web).whole);
}

// Ends by itself, says why, and not by a signal.
void ended_with_a_word(Daemon& d)
{
    const auto end = d.ended();
    REQUIRE(end);
    CHECK(end->signal == 0);
    CHECK(end->exit != 0);
    CHECK_FALSE(d.log().empty());
}

// A story that goes through every part of the master: whatever single call fails in it, the daemon
// either does not come up and says why, or does all of it.
void live_with(const std::string& rule)
{
    CAPTURE(rule);
    Daemon d{spec, with_faults(rule)};
    if (!eventually([&] { return !d.running() || d.notified().hears("READY=1", 20ms); }))
        FAIL("neither ready nor ended: " + d.log());
    if (!d.running())
        return ended_with_a_word(d);
    all_answered(d);
    pid_t victim = 0;
    REQUIRE(eventually([&] { return answered([&] { victim = d.pids("api").at(0); }); }));
    ::kill(victim, SIGKILL);
    bool replaced = false;
    CHECK(eventually([&] {
        return answered(
                   [&] { replaced = d.all_ready("api", 2) && d.pids("api").at(0) != victim; }) &&
               replaced;
    }));
    all_answered(d);
    const auto end = d.stop();
    CHECK(end.signal == 0);
    CHECK(end.exit == 0);
}

// Fails call 1, then 2, …: far enough into the story with OSTLER_SOAK, a sample otherwise.
void live_with_each(const std::string& function, const std::string& error)
{
    const bool soak = std::getenv("OSTLER_SOAK") != nullptr;
    for (unsigned call = 1; call <= (soak ? 60u : 25u); call += soak ? 1 : 6)
        live_with(function + ":" + std::to_string(call) + ":" + error);
}

} // namespace

TEST_CASE("accepting fails for want of descriptors, is counted, and goes on", "[fault]")
{
    Daemon d{spec, with_faults("accept4:2-4:EMFILE")};
    d.ready();
    all_answered(d);
    CHECK(happened(d, "accept4"));
    CHECK(d.row("api").restarts == 0);
}

TEST_CASE("a connection that went away before it was accepted costs nothing", "[fault]")
{
    Daemon d{spec, with_faults("accept4:1:ECONNABORTED accept4:3:EINTR accept4:5:EPERM")};
    d.ready();
    all_answered(d);
    CHECK(happened(d, "accept4"));
}

TEST_CASE("accepting fails for want of memory, and goes on", "[fault]")
{
    Daemon d{spec, with_faults("accept4:2-3:ENOMEM accept4:5-6:ENOBUFS accept4:8:ENFILE")};
    d.ready();
    all_answered(d);
    CHECK(happened(d, "accept4"));
}

TEST_CASE("a hand-over that fails goes to the next worker, or waits", "[fault]")
{
    // From the twentieth packet on the channels are quiet and hand-overs are what is sent.
    const auto* error = GENERATE("EAGAIN", "ENOBUFS", "ETOOMANYREFS", "ENOMEM");
    CAPTURE(error);
    Daemon d{spec, with_faults(std::string{"sendmsg:20-26:"} + error)};
    d.ready();
    const Endpoint web = d.at("web");
    Load load{web, {.per_second = 200}};
    REQUIRE(load.flows(100));
    const auto fates = load.finish();
    CAPTURE(describe(failures(fates)), d.log());
    CHECK(failures(fates).empty());
    CHECK(happened(d, "sendmsg"));
}

TEST_CASE("no descriptor for a new worker's channel: tried again by backoff", "[fault]")
{
    for (const char* rule : {"socketpair:4-5:EMFILE", "memfd_create:3-4:EMFILE", "pipe2:6:EMFILE"})
        live_with(rule);
}

TEST_CASE("any one packet cannot be sent now", "[fault]")
{
    live_with_each("sendmsg", "EAGAIN");
}

TEST_CASE("a start for which the kernel is short of something is sent later", "[fault]")
{
    // The first packet is a beat, the second the first worker's start.
    const auto* error = GENERATE("ETOOMANYREFS", "ENOBUFS", "ENOMEM");
    live_with(std::string{"sendmsg:2-5:"} + error);
}

TEST_CASE("any one read is interrupted, or finds nothing", "[fault]")
{
    live_with_each("recvmsg", "EINTR");
    live_with_each("recvmsg", "EAGAIN");
    live_with_each("recvmmsg", "EINTR");
    live_with_each("recvmmsg", "EAGAIN");
}

TEST_CASE("any one memory file cannot be made", "[fault]")
{
    live_with_each("memfd_create", "EMFILE");
}

TEST_CASE("any one pair of sockets cannot be made", "[fault]")
{
    live_with_each("socketpair", "EMFILE");
}

TEST_CASE("any one pipe cannot be made", "[fault]")
{
    live_with_each("pipe2", "ENFILE");
}

TEST_CASE("any one descriptor cannot be duplicated", "[fault]")
{
    live_with_each("fcntl", "EMFILE");
}

TEST_CASE("any one registration with epoll fails", "[fault]")
{
    live_with_each("epoll_ctl", "ENOMEM");
}

TEST_CASE("binding fails: a sentence and the end", "[fault]")
{
    Daemon d{spec, with_faults("bind:1-9:EACCES")};
    ended_with_a_word(d);
}

TEST_CASE("run says why its spec cannot be written", "[fault]")
{
    const Ran ran = run({ostler_program, "run", "--", "/bin/sleep", "600"},
                        {.env = {{"LD_PRELOAD", fault_library},
                                 {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                                 {"OSTLER_FAULT", "write:1:ENOSPC@ostler"}}});
    CHECK(ran.exit == 71);
    CHECK_THAT(ran.err, Contains("cannot write the spec") && Contains("No space left on device"));
}

TEST_CASE("a master killed at any point of its life leaves nothing", "[fault]")
{
    for (const unsigned call : {1u, 3u, 6u, 10u, 15u, 25u}) {
        CAPTURE(call);
        Daemon d{spec, with_faults("sendmsg:" + std::to_string(call) + ":KILL")};
        // Beats go on for ever, so every number is reached.
        const auto end = d.ended();
        REQUIRE(end);
        CHECK(end->exit != 0);
        CHECK(happened(d, "sendmsg"));
    }
}
