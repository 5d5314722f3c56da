// SPDX-License-Identifier: MIT
#include <unistd.h>
#include <utility>

#include "ipc/cluster/core.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using cluster::Stage;
using cluster::State;

const std::shared_ptr<State>& some(const std::shared_ptr<State>& state)
{
    if (!state)
        throw Error{exit_usage, "this Worker is none: ask whether it is before you use it"};
    return state;
}

std::shared_ptr<cluster::Core> core_of(const std::shared_ptr<State>& state)
{
    auto core = some(state)->core.lock();
    if (!core)
        throw Error{exit_usage,
                    "the Cluster of worker " + std::to_string(state->id) + " is no more"};
    return core;
}

} // namespace

Cluster::Handle::~Handle()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

Cluster::WorkerId Cluster::Worker::id() const
{
    return some(state_)->id;
}

Cluster::Process Cluster::Worker::process() const
{
    return Process{*this};
}

bool Cluster::Worker::send(std::string bytes) const
{
    return send(std::move(bytes), Sending{});
}

bool Cluster::Worker::send(std::string bytes, Sending how) const
{
    return core_of(state_)->send(state_, std::move(bytes), std::move(how));
}

const Cluster::Worker& Cluster::Worker::disconnect() const
{
    core_of(state_)->disconnect(state_, {});
    return *this;
}

void Cluster::Worker::kill(const std::string& signal) const
{
    core_of(state_)->disconnect(state_, signal);
}

bool Cluster::Worker::is_connected() const
{
    return some(state_)->stage < Stage::disconnected;
}

bool Cluster::Worker::is_dead() const
{
    return some(state_)->stage == Stage::gone;
}

std::optional<bool> Cluster::Worker::exited_after_disconnect() const
{
    return some(state_)->exited_after_disconnect;
}

void Cluster::Worker::on_fork(OnWorker handler) const
{
    some(state_)->handlers.fork.push_back(std::move(handler));
}

void Cluster::Worker::on_online(OnWorker handler) const
{
    some(state_)->handlers.online.push_back(std::move(handler));
}

void Cluster::Worker::on_listening(OnListening handler) const
{
    some(state_)->handlers.listening.push_back(std::move(handler));
}

void Cluster::Worker::on_message(OnMessage handler) const
{
    some(state_)->handlers.message.push_back(std::move(handler));
}

void Cluster::Worker::on_disconnect(OnWorker handler) const
{
    some(state_)->handlers.disconnect.push_back(std::move(handler));
}

void Cluster::Worker::on_exit(OnExit handler) const
{
    some(state_)->handlers.exit.push_back(std::move(handler));
}

void Cluster::Worker::on_error(OnError handler) const
{
    some(state_)->handlers.error.push_back(std::move(handler));
}

std::optional<int> Cluster::Process::pid() const
{
    return some(worker_.state())->pid;
}

void Cluster::Process::kill(const std::string& signal) const
{
    core_of(worker_.state())->signal(worker_.state(), signal);
}

} // namespace ostler
