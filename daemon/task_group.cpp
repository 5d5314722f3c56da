// SPDX-License-Identifier: MIT
#include "daemon/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <spdlog/spdlog.h>
#include <utility>
#include <vector>

#include "ipc/os/ensure.hpp"

namespace ostler
{
namespace asio = boost::asio;

namespace
{

// A cancelled task ends with this exception; anything else is a bug of the task.
void log_failure(const std::string& task, const std::exception_ptr& why)
{
    try {
        std::rethrow_exception(why);
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
            spdlog::error("task {} failed: {}", task, error.what());
    } catch (const std::exception& error) {
        spdlog::error("task {} failed: {}", task, error.what());
    } catch (...) {
        spdlog::error("task {} failed with an exception that is none of ours", task);
    }
}

struct Count {
    explicit Count(unsigned& value) : value_{value} { ++value_; }
    ~Count() { --value_; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    unsigned& value_;
};

} // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : emptied_{executor, asio::steady_timer::time_point::max()}
{
}

TaskGroup::~TaskGroup()
{
    ensure(empty(), "a task group was destroyed before its tasks ended");
}

void TaskGroup::start(std::string name, awaitable<void> body)
{
    auto task = std::make_shared<Task>();
    task->name = std::move(name);
    tasks_.insert(task);
    asio::co_spawn(emptied_.get_executor(), run(task, std::move(body)),
                   asio::bind_cancellation_slot(
                       task->cancelled.slot(),
                       [this, task](const std::exception_ptr& why) { ended(task, why); }));
    if (stopping_ != 0)
        cancel(*task);
}

// Asio 1.26 throws out of the loop when a coroutine is cancelled before its first suspension: so
// there is one that cannot be cancelled, and what is not wanted by then never begins.
TaskGroup::awaitable<void> TaskGroup::run(std::shared_ptr<Task> task, awaitable<void> body)
{
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    if (task->state == State::unwanted)
        co_return;
    task->state = State::running;
    co_await std::move(body);
}

void TaskGroup::cancel(Task& task)
{
    if (task.state == State::running)
        task.cancelled.emit(asio::cancellation_type::terminal);
    else
        task.state = State::unwanted;
}

void TaskGroup::cancel()
{
    // Of a copy: a task may end, or start another, while it is told.
    const std::vector<std::shared_ptr<Task>> tasks{tasks_.begin(), tasks_.end()};
    for (const auto& task : tasks)
        cancel(*task);
}

TaskGroup::awaitable<void> TaskGroup::stop()
{
    const Count counted{stopping_};
    cancel();
    co_await wait_until_empty();
}

TaskGroup::awaitable<void> TaskGroup::wait_until_empty()
{
    while (!empty())
        co_await emptied_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void TaskGroup::ended(const std::shared_ptr<Task>& task, const std::exception_ptr& why)
{
    if (why)
        log_failure(task->name, why);
    tasks_.erase(task);
    if (empty())
        emptied_.cancel();
}

} // namespace ostler
