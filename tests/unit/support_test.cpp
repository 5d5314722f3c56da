// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "ipc/os/fd.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/leftovers.hpp"

using ostler::os::adopt;
using ostler::os::UniqueFd;
using ostler::test::leftovers;
using ostler::test::open_descriptors;

TEST_CASE("a descriptor left open is named by the check after each test")
{
    const auto before = open_descriptors();
    CHECK(leftovers(before).empty());

    UniqueFd forgotten{adopt, ::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    REQUIRE(leftovers(before).size() == 1);
    CHECK(leftovers(before).front() ==
          "descriptor left open: " + std::to_string(forgotten.get()) + " /dev/null");

    forgotten.reset();
    CHECK(leftovers(before).empty());
}

TEST_CASE("a child that was not reaped is named by the check after each test")
{
    const auto before = open_descriptors();
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(0);
    siginfo_t ended{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);

    CHECK(leftovers(before) ==
          std::vector<std::string>{"child not reaped: pid " + std::to_string(child)});

    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(leftovers(before).empty());
}
