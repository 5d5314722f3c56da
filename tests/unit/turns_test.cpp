// SPDX-License-Identifier: MIT
#include "daemon/turns.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "tests/support/catch.hpp"

using namespace ostler;
namespace asio = boost::asio;

namespace
{

asio::awaitable<void> come(Turns& line, std::string name, std::string& order)
{
    const Turns::Turn turn = co_await line.take();
    order += name;
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    order += name; // still alone
}

} // namespace

TEST_CASE("turns are taken one after the other, in the order in which they were asked for")
{
    asio::io_context loop;
    Condition changed{loop.get_executor()};
    Turns turns{changed};
    std::string order;
    for (const char* name : {"a", "b", "c"})
        asio::co_spawn(loop, come(turns, name, order), asio::detached);
    loop.run();
    CHECK(order == "aabbcc");
}

TEST_CASE("a line of its own has one place at a time in the wider one")
{
    asio::io_context loop;
    Condition changed{loop.get_executor()};
    Turns all{changed};
    Turns busy{changed, &all};
    Turns calm{changed, &all};
    std::string order;
    for (const char* name : {"1", "2", "3", "4"})
        asio::co_spawn(loop, come(busy, name, order), asio::detached);
    asio::co_spawn(loop, come(calm, "c", order), asio::detached);
    asio::co_spawn(loop, come(all, "a", order), asio::detached);
    loop.run();
    CHECK(order.find("cc") < order.find("22"));
    CHECK(order.find("aa") < order.find("22"));
    CHECK(order.ends_with("2233"
                          "44"));
}
