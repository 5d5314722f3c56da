// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/socket.h>
#include <utility>
#include <variant>

#include "ipc/cluster/core.hpp"
#include "ipc/cluster/ostler_cluster.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/control/finding.hpp"

namespace ostler
{
namespace
{

control::Connection adopt(int descriptor, const std::string& name)
{
    int type = 0;
    socklen_t size = sizeof type;
    const bool fits = ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                      type == SOCK_SEQPACKET && ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
    if (!fits)
        throw Error{exit_usage, name + " is no control connection"};
    return {os::UniqueFd{os::adopt, descriptor}, name};
}

control::Connection open(const Cluster::Options& options)
{
    if (options.descriptor >= 0)
        return adopt(options.descriptor, "descriptor " + std::to_string(options.descriptor));
    auto found = control::find_daemon(options.path, control::Clock::now() + options.patience);
    if (const auto* failed = std::get_if<control::Answer>(&found))
        throw Error{failed->exit, failed->message};
    return std::get<control::Connection>(std::move(found));
}

} // namespace

Cluster::Cluster(std::string pool) : Cluster{std::move(pool), Options{}} {}

Cluster::Cluster(std::string pool, Options options)
    : core_{std::make_shared<cluster::Core>(std::move(pool), open(options), options.patience)}
{
    core_->join();
}

Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

const std::string& Cluster::pool() const
{
    return core_->pool();
}

Cluster::Worker Cluster::fork(const Environment& environment)
{
    return Worker{core_->fork(environment)};
}

void Cluster::setup(const Settings& settings)
{
    core_->setup(settings);
}

Cluster::Settings Cluster::settings()
{
    return core_->settings();
}

std::map<Cluster::WorkerId, Cluster::Worker> Cluster::workers() const
{
    std::map<WorkerId, Worker> workers;
    for (const auto& [id, state] : core_->workers())
        workers.emplace(id, Worker{state});
    return workers;
}

void Cluster::disconnect(std::function<void()> callback)
{
    core_->disconnect_all(std::move(callback));
}

std::map<std::string, std::string> Cluster::scheduling_policy()
{
    return core_->scheduling_policy();
}

void Cluster::on_setup(OnSetup handler)
{
    core_->handlers().setup.push_back(std::move(handler));
}

void Cluster::on_fork(OnWorker handler)
{
    core_->handlers().fork.push_back(std::move(handler));
}

void Cluster::on_online(OnWorker handler)
{
    core_->handlers().online.push_back(std::move(handler));
}

void Cluster::on_listening(OnListening handler)
{
    core_->handlers().listening.push_back(std::move(handler));
}

void Cluster::on_message(OnMessage handler)
{
    core_->handlers().message.push_back(std::move(handler));
}

void Cluster::on_disconnect(OnWorker handler)
{
    core_->handlers().disconnect.push_back(std::move(handler));
}

void Cluster::on_exit(OnExit handler)
{
    core_->handlers().exit.push_back(std::move(handler));
}

void Cluster::on_error(OnError handler)
{
    core_->handlers().error.push_back(std::move(handler));
}

// A handler may end the Cluster: what runs it lives until it returns.
void Cluster::run()
{
    const auto core = core_;
    core->run();
}

void Cluster::stop()
{
    core_->stop();
}

bool Cluster::run_until(const std::function<bool()>& predicate, Deadline deadline)
{
    const auto core = core_;
    return core->run_until(predicate, deadline);
}

bool Cluster::run_until(const std::function<bool()>& predicate, std::chrono::milliseconds within)
{
    return run_until(predicate, Deadline{Clock::now() + within});
}

int Cluster::fd() const
{
    return core_->fd();
}

void Cluster::dispatch()
{
    const auto core = core_;
    core->dispatch();
}

} // namespace ostler
