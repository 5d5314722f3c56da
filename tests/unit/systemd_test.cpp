// SPDX-License-Identifier: MIT
#include <chrono>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "systemd/journal.hpp"
#include "systemd/notify.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::systemd;
using namespace std::chrono_literals;

TEST_CASE("what the service manager is told has the form of sd_notify")
{
    CHECK(ready("4 of 4 workers ready") == "READY=1\nSTATUS=4 of 4 workers ready\n");
    CHECK(hopeless("0/1") == "X_OSTLER_HOPELESS=1\nSTATUS=0/1\n");
    CHECK(stopping("draining") == "STOPPING=1\nSTATUS=draining\n");
    CHECK(reloading(1234567us) == "RELOADING=1\nMONOTONIC_USEC=1234567\n");
    CHECK(watchdog() == "WATCHDOG=1\n");
    CHECK(extend_timeout(10s) == "EXTEND_TIMEOUT_USEC=10000000\n");
}

TEST_CASE("a status cannot smuggle in an assignment and stays short")
{
    CHECK(status("refused\nREADY=1") == "STATUS=refused READY=1\n");
    CHECK(status(std::string(10'000, 'x')).size() < 600);
}

TEST_CASE("the watchdog is fed at half of its limit, and only by the process it watches")
{
    CHECK(watchdog_interval("3000000", nullptr, 42) == 1500ms);
    CHECK(watchdog_interval("3000000", "42", 42) == 1500ms);

    CHECK_FALSE(watchdog_interval(nullptr, nullptr, 42));
    CHECK_FALSE(watchdog_interval("3000000", "43", 42));
    for (const char* nonsense : {"", "0", "-5", "soon", "3s", "99999999999999999999999"})
        CHECK_FALSE(watchdog_interval(nonsense, nullptr, 42));
}

TEST_CASE("stderr is the journal only where JOURNAL_STREAM names the very stream")
{
    struct stat stream {
    };
    stream.st_dev = 8;
    stream.st_ino = 4711;

    CHECK(leads_to_journal("8:4711", stream));
    for (const char* other : {"8:4712", "9:4711", "8:47110", "8", ":", ""})
        CHECK_FALSE(leads_to_journal(other, stream));
    CHECK_FALSE(leads_to_journal(nullptr, stream));
}
