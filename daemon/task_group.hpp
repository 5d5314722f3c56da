// SPDX-License-Identifier: MIT
// Owns coroutines by name. A member of the object whose `this` its tasks use, declared last there;
// the owner's own stop() awaits stop() here before the owner may be destroyed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <memory>
#include <set>
#include <string>

namespace ostler
{

class TaskGroup
{
public:
    template <typename T>
    using awaitable = boost::asio::awaitable<T>;

    explicit TaskGroup(boost::asio::any_io_executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup(); // must be empty: somebody forgot to await stop()

    // Runs from the next turn of the loop. An exception that reaches the group is logged with the
    // task's name as the bug it is, and ends that task alone.
    void start(std::string name, awaitable<void> task);

    // Cancels every task (their next co_await throws) and returns when the last has ended. Tasks
    // started meanwhile are cancelled too; afterwards the group may be used again. Never await it
    // inside a task of the same group, nor in one that may itself be cancelled.
    awaitable<void> stop();

    // The same without waiting, for a group whose tasks end on their own time.
    void cancel();

    // Returns when no task is left, cancelling none.
    awaitable<void> wait_until_empty();

    [[nodiscard]] bool empty() const { return tasks_.empty(); }
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }

private:
    enum class State { waiting, unwanted, running }; // unwanted: cancelled before it began
    struct Task {
        std::string name;
        State state = State::waiting;
        boost::asio::cancellation_signal cancelled;
    };
    static awaitable<void> run(std::shared_ptr<Task> task, awaitable<void> body);
    static void cancel(Task& task);
    void ended(const std::shared_ptr<Task>& task, const std::exception_ptr& why);

    std::set<std::shared_ptr<Task>> tasks_;
    unsigned stopping_ = 0;
    boost::asio::steady_timer emptied_;
};

} // namespace ostler
