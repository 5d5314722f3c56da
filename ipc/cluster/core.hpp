// SPDX-License-Identifier: MIT
// What a Cluster is inside: a conversation with the daemon, what it said so far in line, and the
// workers as the line has told of them. What comes is put in line as it comes; what handlers see
// changes with step() alone.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ipc/cluster/conversation.hpp"
#include "ipc/cluster/handlers.hpp"
#include "ipc/cluster/news.hpp"
#include "ipc/cluster/state.hpp"

namespace ostler::cluster
{

class Core : public std::enable_shared_from_this<Core>
{
public:
    using Worker = Cluster::Worker;
    using WorkerId = Cluster::WorkerId;
    using Message = Cluster::Message;
    using Exit = Cluster::Exit;
    using Environment = Cluster::Environment;
    using Settings = Cluster::Settings;
    using Stdio = Cluster::Stdio;
    using Clock = Cluster::Clock;
    using Deadline = Cluster::Deadline;
    using Shared = std::shared_ptr<State>;

    Core(std::string pool, control::Connection connection, std::chrono::milliseconds patience);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    void join(); // throws where this controller may not, or the pool is not there

    [[nodiscard]] const std::string& pool() const { return pool_; }
    [[nodiscard]] Handlers& handlers() { return handlers_; }
    [[nodiscard]] const std::map<WorkerId, Shared>& workers() const { return workers_; }

    [[nodiscard]] Shared fork(const Environment& environment);
    void setup(const Settings& settings);
    [[nodiscard]] Settings settings();
    [[nodiscard]] std::map<std::string, std::string> scheduling_policy();
    void disconnect_all(std::function<void()> callback);
    bool send(const Shared& worker, std::string bytes, Worker::Sending how);
    void disconnect(const Shared& worker, const std::string& signal);
    void signal(const Shared& worker, const std::string& signal);

    void run();
    void stop() { stopped_ = true; }
    void dispatch();
    bool run_until(const std::function<bool()>& predicate, Deadline deadline);
    [[nodiscard]] int fd() const { return conversation_.watch().fd(); }

private:
    using Object = boost::json::object;

    using Answer = control::Answer;
    using Slip = std::shared_ptr<std::optional<Answer>>; // on which an answer is written
    using Callback = std::function<void(const Error*)>;
    using Steps = std::vector<std::function<void()>>;

    // Asking.
    [[nodiscard]] Answer settle(const Slip& slip, std::string_view verb);
    [[nodiscard]] Answer await(std::string_view verb, Object arguments);
    [[nodiscard]] Answer await(control::Message request, std::string_view verb);
    [[nodiscard]] Object expect(std::string_view verb, Object arguments); // throws what went wrong
    void order(std::string_view verb, Object arguments, const Shared& worker);
    void follow_events(std::int64_t since);
    void follow_messages();
    void broke_off(const Answer& answer);
    void sent(const Shared& worker, const Callback& callback, const Answer& answer);

    // The line.
    void soon(std::function<void()> what);
    void step();
    void must_not_be_in_a_handler() const;
    void must_go_on() const;

    // As it comes.
    void heard(const Object& event);
    void resynchronise(std::int64_t missed);
    void resynchronised(const Answer& status);
    void heard_message(control::Message& message);

    // In its turn.
    void tell(const Object& event);
    void tell_setup();
    void tell_own_setups();
    void tell_fork(WorkerId id);
    void tell_online(const Shared& worker, std::optional<int> pid);
    void tell_disconnect(const Shared& worker, bool wanted);
    void tell_exit(const Shared& worker, const Exit& exit, bool wanted);
    void tell_message(WorkerId id, const Message& message);
    void tell_error(const Worker& worker, const Error& error); // throws it where nobody listens
    void reconcile(const Rows& rows, const std::set<WorkerId>& known);
    void catch_up(Steps& steps, const Shared& worker, const Row& row);
    void said_farewell(WorkerId id);

    [[nodiscard]] Shared find(WorkerId id) const; // null: it is gone, or not known yet
    Shared add(WorkerId id, const Row& row);
    template <auto list, typename... What>
    void emit(const Shared& worker, const What&... what);

    std::string pool_;
    std::chrono::milliseconds patience_;
    Conversation conversation_;
    std::map<WorkerId, Shared> workers_;
    WorkerId newest_ = 0; // of which a fork was told: an unknown one below it is gone
    Handlers handlers_;
    std::deque<Settings> own_setups_; // whose event is on its way
    std::deque<std::function<void()>> line_;
    bool in_handler_ = false;
    bool stopped_ = false;
    std::map<WorkerId, Steps> early_; // what workers say that are not online yet
    bool resynchronising_ = false;
    std::vector<Object> held_; // events that came meanwhile
    struct Farewell {
        std::set<WorkerId> left;
        std::function<void()> callback;
    };
    std::vector<Farewell> farewells_;
};

} // namespace ostler::cluster
