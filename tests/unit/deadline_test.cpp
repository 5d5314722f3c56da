// SPDX-License-Identifier: MIT
#include "daemon/deadline.hpp"

#include <boost/asio/io_context.hpp>

#include "tests/support/catch.hpp"

using namespace std::chrono_literals;

namespace
{

// Both have run out before the loop looks, so the handler of the second is queued when the first
// acts.
template <typename Act>
bool second_fires_after(Act act)
{
    boost::asio::io_context loop;
    ostler::Deadline first{loop.get_executor()};
    ostler::Deadline second{loop.get_executor()};
    bool fired = false;
    first.in(-2s, [&] { act(second); });
    second.in(-1s, [&] { fired = true; });
    loop.poll();
    return fired;
}

} // namespace

TEST_CASE("a deadline that is set anew does not fire for its last setting, queued or not")
{
    CHECK(second_fires_after([](ostler::Deadline&) {}));
    CHECK_FALSE(second_fires_after([](ostler::Deadline& second) { second.in(1h, [] {}); }));
}

TEST_CASE("a deadline that is cancelled does not fire, queued or not")
{
    CHECK_FALSE(second_fires_after([](ostler::Deadline& second) { second.cancel(); }));
}

TEST_CASE("a deadline that is set anew fires for its last setting")
{
    boost::asio::io_context loop;
    ostler::Deadline deadline{loop.get_executor()};
    int fired = 0;
    deadline.in(1h, [&] { fired += 1; });
    deadline.in(0s, [&] { fired += 10; });
    loop.run();
    CHECK(fired == 10);
}
