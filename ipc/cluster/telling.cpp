// SPDX-License-Identifier: MIT
// What came of the workers, from the line to the handlers.
#include <algorithm>
#include <utility>

#include "ipc/cluster/core.hpp"
#include "ipc/cluster/settings.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::cluster
{
namespace
{

Error lost(std::int64_t count, const char* what)
{
    return {exit_failed, std::to_string(count) + " " + what +
                             " of workers are lost: this program does not keep up with them"};
}

} // namespace

// --- As it comes. ---

void Core::heard(const Object& event)
{
    if (const auto missed = number_in(event, "missed"))
        resynchronise(*missed);
    else if (resynchronising_)
        held_.push_back(event);
    else
        soon([this, event] { tell(event); });
}

// What was missed is older than the status we ask for.
void Core::resynchronise(std::int64_t missed)
{
    soon([this, missed] { tell_error({}, lost(missed, "events")); });
    if (std::exchange(resynchronising_, true))
        return;
    conversation_.ask({control::Type::request, 0, {{"verb", "status"}, {"pool", pool_}}, {}, {}},
                      {.reply = [this](const Answer& status) { resynchronised(status); }});
}

void Core::resynchronised(const Answer& status)
{
    resynchronising_ = false;
    std::int64_t covered = 0;
    if (status.exit != exit_done) {
        broke_off(status);
    } else {
        covered = last_event_in(status.data);
        std::set<WorkerId> known; // those that are forked from now on are not in it
        for (const auto& [id, worker] : workers_)
            known.insert(id);
        soon([this, rows = rows_in(status.data), known] { reconcile(rows, known); });
    }
    for (const Object& event : std::exchange(held_, {}))
        if (number_in(event, "number").value_or(0) > covered)
            soon([this, event] { tell(event); });
}

void Core::heard_message(control::Message& message)
{
    if (const auto missed = number_in(message.body, "missed"))
        return soon([this, missed] { tell_error({}, lost(*missed, "messages")); });
    soon([this, id = worker_in(message.body), said = message_in(message)] {
        tell_message(id, said);
    });
}

// --- In its turn. ---

void Core::tell(const Object& event)
{
    const std::string kind = text_in(event, "event");
    const WorkerId id = worker_in(event);
    if (kind == "setup")
        return tell_setup();
    if (kind == "fork")
        return tell_fork(id);
    const Shared worker = find(id);
    if (!worker)
        return;
    const bool wanted = flag_in(event, "exited_after_disconnect");
    if (kind == "online")
        tell_online(worker, pid_in(event));
    else if (kind == "listening")
        emit<&Handlers::listening>(worker, address_in(event));
    else if (kind == "disconnect")
        tell_disconnect(worker, wanted);
    else if (kind == "exit")
        tell_exit(worker, exit_in(event), wanted);
    else if (kind == "error")
        tell_error(Worker{worker}, {exit_failed, text_in(event, "text")});
}

void Core::tell_setup()
{
    if (!own_setups_.empty()) {
        const Settings ours = std::move(own_setups_.front());
        own_setups_.pop_front();
        call(handlers_.setup, ours);
        return;
    }
    conversation_.ask(
        {control::Type::request, 0, {{"verb", "setup"}, {"pool", pool_}}, {}, {}},
        {.reply = [this](const Answer& answer) {
            if (answer.exit == exit_done)
                soon([this, theirs = settings_in(answer.data)] { call(handlers_.setup, theirs); });
        }});
}

// Their events may be among those that were missed.
void Core::tell_own_setups()
{
    for (const Settings& ours : std::exchange(own_setups_, {}))
        call(handlers_.setup, ours);
}

void Core::tell_fork(WorkerId id)
{
    newest_ = std::max(newest_, id);
    emit<&Handlers::fork>(add(id, {Stage::forked, {}}));
}

void Core::tell_online(const Shared& worker, std::optional<int> pid)
{
    if (pid)
        worker->pid = pid;
    worker->stage = Stage::online;
    const auto early = early_.extract(worker->id);
    if (early) // behind those who hear that it is online, before all that is in line
        line_.insert(line_.begin(), early.mapped().begin(), early.mapped().end());
    emit<&Handlers::online>(worker);
}

void Core::tell_disconnect(const Shared& worker, bool wanted)
{
    worker->stage = Stage::disconnected;
    worker->exited_after_disconnect = wanted;
    emit<&Handlers::disconnect>(worker);
}

void Core::tell_exit(const Shared& worker, const Exit& exit, bool wanted)
{
    worker->stage = Stage::gone;
    if (!worker->exited_after_disconnect)
        worker->exited_after_disconnect = wanted;
    workers_.erase(worker->id);
    early_.erase(worker->id);
    said_farewell(worker->id);
    emit<&Handlers::exit>(worker, exit);
    // Nothing but an error can follow, and a handler may hold the worker it belongs to.
    auto errors = std::exchange(worker->handlers, {}).error;
    worker->handlers.error = std::move(errors);
}

// A message may overtake the event that its sender is online; that it is forked, even.
void Core::tell_message(WorkerId id, const Message& message)
{
    const Shared worker = find(id);
    if (worker && worker->stage != Stage::forked)
        emit<&Handlers::message>(worker, message);
    else if (worker || id > newest_)
        early_[id].push_back([this, id, message] { tell_message(id, message); });
}

void Core::tell_error(const Worker& worker, const Error& error)
{
    const bool heard = worker && call(worker.state()->handlers.error, worker, error);
    if (!call(handlers_.error, worker, error) && !heard)
        throw error;
}

// Tells what missed events would have told, as far as a status shows it; before what came since.
void Core::reconcile(const Rows& rows, const std::set<WorkerId>& known)
{
    Steps steps{[this] { tell_own_setups(); }};
    for (const WorkerId id : known)
        if (const Shared worker = find(id); worker && !rows.contains(id))
            catch_up(steps, worker, {Stage::gone, {}});
    for (const auto& [id, row] : rows) {
        newest_ = std::max(newest_, id);
        Shared worker = find(id);
        if (!worker) {
            worker = add(id, {Stage::forked, row.pid});
            steps.push_back([this, id = id] { tell_fork(id); });
        }
        catch_up(steps, worker, row);
    }
    line_.insert(line_.begin(), steps.begin(), steps.end());
}

void Core::catch_up(Steps& steps, const Shared& worker, const Row& row)
{
    if (row.stage == Stage::online && worker->stage < row.stage)
        steps.push_back([this, worker, row] { tell_online(worker, row.pid); });
    if (row.stage >= Stage::disconnected && worker->stage < Stage::disconnected)
        steps.push_back([this, worker] { tell_disconnect(worker, worker->told_to_go); });
    if (row.stage == Stage::gone)
        steps.push_back([this, worker] {
            tell_exit(worker, {{}, {}, "missed", "its end was missed"}, worker->told_to_go);
        });
}

void Core::said_farewell(WorkerId id)
{
    for (Farewell& farewell : farewells_)
        if (farewell.left.erase(id) != 0 && farewell.left.empty())
            soon(std::move(farewell.callback));
    std::erase_if(farewells_, [](const Farewell& farewell) { return farewell.left.empty(); });
}

// --- The workers. ---

Core::Shared Core::find(WorkerId id) const
{
    const auto found = workers_.find(id);
    return found != workers_.end() ? found->second : nullptr;
}

Core::Shared Core::add(WorkerId id, const Row& row)
{
    auto& worker = workers_[id];
    if (!worker)
        worker = std::make_shared<State>(State{id, weak_from_this(), row.stage});
    if (row.pid)
        worker->pid = row.pid;
    return worker;
}

// Those of the worker first.
template <auto list, typename... What>
void Core::emit(const Shared& worker, const What&... what)
{
    const Worker handle{worker};
    call(worker->handlers.*list, handle, what...);
    call(handlers_.*list, handle, what...);
}

} // namespace ostler::cluster
