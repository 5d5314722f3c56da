// SPDX-License-Identifier: MIT
#include "ipc/cluster/core.hpp"

#include <fcntl.h>
#include <utility>

#include "ipc/cluster/settings.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cluster
{
namespace
{

using control::Answer;

constexpr std::size_t high_water = 128 * 1024; // as in Node

control::Message request_of(std::string_view verb, boost::json::object arguments)
{
    arguments["verb"] = verb;
    return {control::Type::request, 0, std::move(arguments), {}, {}};
}

bool gone_already(const Answer& answer) // which its exit tells, or has told
{
    return answer.exit == exit_failed || answer.exit == exit_no_daemon;
}

[[noreturn]] void raise(const Answer& answer)
{
    throw Error{answer.exit, answer.message};
}

} // namespace

Core::Core(std::string pool, control::Connection connection, std::chrono::milliseconds patience)
    : pool_{std::move(pool)}, patience_{patience}, conversation_{std::move(connection)}
{
}

// A handler may hold the worker it belongs to.
Core::~Core()
{
    for (const auto& [id, worker] : workers_)
        worker->handlers = {};
}

// --- Asking. ---

void Core::join()
{
    const Object status = expect("status", {{"pool", pool_}});
    for (const auto& [id, row] : rows_in(status)) {
        add(id, row);
        newest_ = id;
    }
    follow_events(last_event_in(status));
    follow_messages();
}

Answer Core::settle(const Slip& slip, std::string_view verb)
{
    const Deadline deadline = Clock::now() + patience_;
    for (conversation_.pump(); !*slip; conversation_.pump())
        if (!conversation_.wait(deadline))
            throw Error{exit_timeout,
                        "the daemon does not answer `" + std::string{verb} + "` in time"};
    return **slip;
}

Answer Core::await(std::string_view verb, Object arguments)
{
    return await(request_of(verb, std::move(arguments)), verb);
}

Answer Core::await(control::Message request, std::string_view verb)
{
    const auto slip = std::make_shared<std::optional<Answer>>();
    conversation_.ask(std::move(request),
                      {.reply = [slip](Answer answer) { *slip = std::move(answer); }});
    return settle(slip, verb);
}

Core::Object Core::expect(std::string_view verb, Object arguments)
{
    Answer answer = await(verb, std::move(arguments));
    if (answer.exit != exit_done)
        raise(answer);
    return std::move(answer.data);
}

void Core::follow_events(std::int64_t since)
{
    conversation_.ask(request_of("events", {{"target", pool_}, {"since", since}, {"follow", true}}),
                      {.reply = [this](const Answer& answer) { broke_off(answer); },
                       .other =
                           [this](const control::Message& message) {
                               if (message.type == control::Type::event)
                                   heard(message.body);
                           }});
}

void Core::follow_messages()
{
    const auto slip = std::make_shared<std::optional<Answer>>();
    conversation_.ask(request_of("messages", {{"target", pool_}}),
                      {.reply =
                           [this, slip](Answer answer) {
                               if (*slip)
                                   broke_off(answer);
                               *slip = std::move(answer);
                           },
                       .other =
                           [this, slip](control::Message message) {
                               if (message.type == control::Type::progress)
                                   *slip = Answer{}; // from now on
                               if (message.type == control::Type::message)
                                   heard_message(message);
                           }});
    const Answer answer = settle(slip, "messages");
    if (answer.exit != exit_done)
        raise(answer);
}

// What should last as long as the connection. With that, its end is told by end().
void Core::broke_off(const Answer& answer)
{
    if (answer.exit != exit_no_daemon)
        soon([this, answer] { tell_error({}, {answer.exit, answer.message}); });
}

Core::Shared Core::fork(const Environment& environment)
{
    if (!handlers_.setup.empty())
        soon([this, now = settings()] { call(handlers_.setup, now); });
    const Answer answer = await("fork", {{"pool", pool_}, {"env", json_of(environment)}});
    const WorkerId id = worker_in(answer.data);
    if (id == 0)
        raise(answer);
    return add(id, {Stage::forked, pid_in(answer.data)}); // its failure will be told
}

void Core::setup(const Settings& settings)
{
    auto request = request_of("setup", {{"pool", pool_}, {"settings", json_of(settings)}});
    for (const int lent : descriptors_in(settings.stdio.value_or(std::vector<Stdio>{}))) {
        os::UniqueFd copy{os::adopt, ::fcntl(lent, F_DUPFD_CLOEXEC, 0)};
        if (!copy.valid())
            throw Error{exit_usage, "stdio: descriptor " + std::to_string(lent) +
                                        " is not open, or "
                                        "there are no more"};
        request.further.push_back(std::move(copy));
    }
    if (request.further.size() > control::max_handles)
        throw Error{exit_usage, "stdio: at most 16 different descriptors"};
    const Answer answer = await(std::move(request), "setup");
    if (answer.exit != exit_done)
        raise(answer);
    own_setups_.push_back(settings_in(answer.data));
}

Core::Settings Core::settings()
{
    return settings_in(expect("setup", {{"pool", pool_}}));
}

std::map<std::string, std::string> Core::scheduling_policy()
{
    return policies_in(expect("status", {{"pool", pool_}}));
}

void Core::disconnect_all(std::function<void()> callback)
{
    Farewell farewell{{}, std::move(callback)};
    for (const auto& [id, worker] : workers_) {
        disconnect(worker, {});
        farewell.left.insert(id);
    }
    if (!farewell.callback)
        return;
    if (farewell.left.empty())
        soon(std::move(farewell.callback));
    else
        farewells_.push_back(std::move(farewell));
}

void Core::disconnect(const Shared& worker, const std::string& signal)
{
    if (worker->stage >= Stage::disconnected && !signal.empty())
        return this->signal(worker, signal);
    worker->told_to_go = true;
    Object arguments{{"worker", std::to_string(worker->id)}};
    if (!signal.empty())
        arguments["signal"] = signal;
    order("disconnect", std::move(arguments), worker);
}

void Core::signal(const Shared& worker, const std::string& signal)
{
    order("kill", {{"worker", std::to_string(worker->id)}, {"signal", signal}}, worker);
}

void Core::order(std::string_view verb, Object arguments, const Shared& worker)
{
    conversation_.ask(request_of(verb, std::move(arguments)),
                      {.reply = [this, worker](const Answer& answer) {
                          if (answer.exit != exit_done && !gone_already(answer))
                              soon([this, worker, answer] {
                                  tell_error(Worker{worker}, {answer.exit, answer.message});
                              });
                      }});
}

bool Core::send(const Shared& worker, std::string bytes, Worker::Sending how)
{
    os::UniqueFd handle{os::adopt, how.keep_open && how.handle >= 0
                                       ? ::fcntl(how.handle, F_DUPFD_CLOEXEC, 0)
                                       : how.handle};
    if (how.handle >= 0 && (!handle.valid() || ::fcntl(handle.get(), F_GETFD) < 0)) {
        (void)handle.release();
        throw Error{exit_usage, "sending to worker " + std::to_string(worker->id) +
                                    ": descriptor " + std::to_string(how.handle) +
                                    " is not open, or no more may be"};
    }
    Object arguments{{"target", std::to_string(worker->id)},
                     {"content", how.content == Cluster::Content::json ? "json" : "bytes"}};
    auto message = request_of("send", std::move(arguments));
    message.bytes = std::move(bytes);
    message.handle = std::move(handle);
    conversation_.ask(
        std::move(message),
        {.reply = [this, worker, callback = std::move(how.callback)](const Answer& answer) {
            soon([this, worker, callback, answer] { sent(worker, callback, answer); });
        }});
    return conversation_.backlog() <= high_water;
}

void Core::sent(const Shared& worker, const std::function<void(const Error*)>& callback,
                const Answer& answer)
{
    const Error error{answer.exit, answer.message};
    const bool failed = answer.exit != exit_done;
    if (callback)
        callback(failed ? &error : nullptr);
    else if (failed && answer.exit != exit_no_daemon) // that is told once, for all
        tell_error(Worker{worker}, error);
}

// --- The line. ---

void Core::soon(std::function<void()> what)
{
    line_.push_back(std::move(what));
    conversation_.watch().stir();
}

void Core::step()
{
    struct Within {
        explicit Within(bool& flag) : flag_{flag} { flag_ = true; }
        ~Within() { flag_ = false; }
        Within(const Within&) = delete;
        Within& operator=(const Within&) = delete;
        bool& flag_;
    };
    const auto next = std::move(line_.front());
    line_.pop_front();
    const Within within{in_handler_};
    next();
}

void Core::must_not_be_in_a_handler() const
{
    if (in_handler_)
        throw Error{exit_usage, "a handler may not wait for other handlers: return from it first"};
}

void Core::must_go_on() const
{
    if (line_.empty() && conversation_.end())
        raise(*conversation_.end());
}

// What handlers put in line has its turn the next time, so that they cannot keep us here.
void Core::dispatch()
{
    must_not_be_in_a_handler();
    conversation_.pump();
    for (auto count = line_.size(); count != 0; --count)
        step();
    must_go_on();
    if (line_.empty())
        conversation_.watch().calm();
}

void Core::run()
{
    stopped_ = false;
    run_until([this] { return stopped_; }, {});
}

bool Core::run_until(const std::function<bool()>& predicate, Deadline deadline)
{
    must_not_be_in_a_handler();
    while (!predicate()) {
        if (line_.empty())
            conversation_.pump();
        must_go_on();
        if (!line_.empty())
            step();
        else if (!conversation_.wait(deadline))
            return false;
        else
            continue;
        if (deadline && Clock::now() >= *deadline)
            return predicate();
    }
    return true;
}

} // namespace ostler::cluster
