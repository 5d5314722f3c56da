// SPDX-License-Identifier: MIT
#include "daemon/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "daemon/with_deadline.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using boost::asio::awaitable;

namespace
{

struct Ended {
    explicit Ended(int& count) : count_{count} {}
    ~Ended() { ++count_; }
    int& count_;
};

awaitable<void> sleep_for_ever(int& ended)
{
    const Ended mark{ended};
    asio::steady_timer timer{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    co_await timer.async_wait(asio::use_awaitable);
}

awaitable<void> fail()
{
    throw std::runtime_error{"on purpose"};
    co_return;
}

awaitable<void> start_another(TaskGroup& group, int& ended)
{
    const Ended mark{ended};
    asio::steady_timer timer{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    group.start("late", sleep_for_ever(ended));
}

awaitable<void> stop(TaskGroup& group, bool& stopped)
{
    co_await group.stop();
    stopped = true;
}

awaitable<int> answer_after(std::chrono::milliseconds time)
{
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);
    co_return 42;
}

awaitable<void> ask(std::chrono::milliseconds time, std::chrono::milliseconds patience,
                    std::optional<int>& answer)
{
    auto work = answer_after(time);
    const auto until = asio::steady_timer::clock_type::now() + patience;
    answer = co_await with_deadline(std::move(work), until);
}

awaitable<void> wait_with_deadline(int& ended, std::chrono::milliseconds patience)
{
    auto work = sleep_for_ever(ended);
    const auto until = asio::steady_timer::clock_type::now() + patience;
    co_await with_deadline(std::move(work), until);
}

} // namespace

TEST_CASE("stopping a task group cancels its tasks and returns when the last has ended")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    int ended = 0;
    bool stopped = false;
    group.start("one", sleep_for_ever(ended));
    group.start("two", sleep_for_ever(ended));
    loop.poll();
    CHECK(group.size() == 2);
    TaskGroup stoppers{loop.get_executor()};
    stoppers.start("stopper", stop(group, stopped));
    loop.run();
    CHECK(stopped);
    CHECK(ended == 2);
    CHECK(group.empty());
}

TEST_CASE("a task that never began is ended by stopping its group")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    TaskGroup stoppers{loop.get_executor()};
    int ended = 0;
    bool stopped = false;
    stoppers.start("stopper", stop(group, stopped));
    group.start("one", sleep_for_ever(ended));
    loop.run();
    CHECK(stopped);
    CHECK(group.empty());
}

TEST_CASE("a task started while its group stops is cancelled too")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    TaskGroup stoppers{loop.get_executor()};
    int ended = 0;
    bool stopped = false;
    group.start("first", start_another(group, ended));
    loop.poll();
    stoppers.start("stopper", stop(group, stopped));
    loop.run();
    CHECK(stopped);
    CHECK(ended >= 1);
    CHECK(group.empty());
}

TEST_CASE("an exception costs its task and nobody else")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    int ended = 0;
    group.start("other", sleep_for_ever(ended));
    group.start("failing", fail());
    loop.poll();
    CHECK(group.size() == 1);
    group.cancel();
    loop.run();
    CHECK(ended == 1);
}

TEST_CASE("with_deadline gives the value in time, or nothing when it is late")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    std::optional<int> quick;
    std::optional<int> late = 7;
    group.start("quick", ask(1ms, 10s, quick));
    group.start("late", ask(1h, 1ms, late));
    loop.run();
    CHECK(quick == 42);
    CHECK(!late);
}

TEST_CASE("cancelling whoever waits with a deadline cancels the work too")
{
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    int ended = 0;
    group.start("waiting", wait_with_deadline(ended, 1h));
    loop.poll();
    group.cancel();
    loop.run();
    CHECK(ended == 1);
    CHECK(group.empty());
}
