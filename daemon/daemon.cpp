// SPDX-License-Identifier: MIT
#include "daemon/daemon.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/json/value_from.hpp>
#include <csignal>
#include <spdlog/spdlog.h>

#include "config/checks.hpp"
#include "daemon/reload.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/endpoint.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;
using namespace std::chrono_literals;

constexpr auto beat_interval = 1s;
constexpr auto queues_have = 500ms; // to be taken by workers before they are told to drain

std::string joined(const std::vector<config::Diagnostic>& problems, const std::string& file)
{
    std::string text;
    for (const config::Diagnostic& problem : problems)
        text += (text.empty() ? "" : "\n") + config::to_string(problem, file);
    return text;
}

std::string removed_by(const config::Difference& difference)
{
    std::string names;
    for (const std::string& pool : difference.pools_removed)
        names += (names.empty() ? "pool " : ", pool ") + pool;
    for (const std::string& socket : difference.sockets_removed)
        names += (names.empty() ? "socket " : ", socket ") + socket;
    return names;
}

void log_worker_line(const LogLine& line)
{
    spdlog::info("{}/{}: {}", line.pool, line.slot, line.text);
}

void take_port(const Listener& listener, TakenPorts& taken)
{
    const auto bound = os::Endpoint::of(listener.descriptor());
    if (bound && bound->port() != 0)
        taken.take(bound->port());
}

// Nothing runs and nothing is bound: what every start is a difference from.
config::Spec nothing_of(const config::Spec& spec)
{
    config::Spec nothing;
    nothing.path = spec.path;
    nothing.control = spec.control;
    nothing.log = spec.log;
    return nothing;
}

} // namespace

Daemon::Daemon(boost::asio::io_context& loop, DaemonSettings settings)
    : loop_{loop},
      signals_{loop.get_executor()},
      spec_{std::move(settings.spec)},
      load_{settings.load},
      changed_{loop.get_executor()},
      turns_{changed_},
      fork_turns_{changed_},
      off_loop_{loop.get_executor()},
      post_{off_loop_},
      keeper_{loop.get_executor(), std::move(settings.keeper), *this},
      manager_{keeper_, settings.managed, settings.watchdog},
      logs_{Logs::make(loop.get_executor())},
      events_{loop.get_executor()},
      sockets_{loop.get_executor(), std::move(settings.inherited)},
      asked_{loop.get_executor(), off_loop_},
      services_{.executor = loop.get_executor(),
                .keeper = keeper_,
                .logs = *logs_,
                .events = events_,
                .off_loop = off_loop_,
                .post = post_,
                .asked = asked_,
                .controllers = *this,
                .changed = changed_,
                .listeners = sockets_,
                .keeper_pid = settings.keeper_pid},
      commands_{*this},
      control_socket_{std::move(settings.control)},
      control_{loop.get_executor(),
               control_socket_.listening(),
               {commands_, *logs_, events_, post_, off_loop_},
               spec_.control},
      beat_{loop},
      tasks_{loop.get_executor()}
{
    logs_->set_sink(log_worker_line);
}

Daemon::~Daemon() = default;

std::string Daemon::start()
{
    const config::Difference everything = config::diff(nothing_of(spec_), spec_);
    if (std::string problem = sockets_.prepare(spec_, everything); !problem.empty())
        return problem;
    sockets_.commit(spec_, generation_);
    name_unused_sockets();
    signals_.listen([this](int number) { on_signal(number); });
    beat();
    control_.start();
    for (const config::Pool& pool : spec_.pools)
        pools_.push_back(make_pool(pool));
    for (const auto& pool : pools_)
        pool->start();
    watch_spec();
    tasks_.start("service manager", tell_manager());
    return {};
}

// Clients may wait there, as it is open, and nobody will come.
void Daemon::name_unused_sockets() const
{
    for (const std::string& name : sockets_.inherited_names())
        if (std::ranges::none_of(spec_.sockets, [&](const config::Socket& socket) {
                return socket.listen.family == config::Address::Family::inherited &&
                       socket.listen.path == name;
            }))
            spdlog::warn("the service manager has passed socket \"{}\", and no socket of the spec "
                         "names it",
                         name);
}

std::unique_ptr<Pool> Daemon::make_pool(const config::Pool& spec)
{
    Pool::Owner& self = *this;
    return std::make_unique<Pool>(services_, self, spec, generation_);
}

Pool* Daemon::find_pool(const std::string& name) const
{
    const auto found = std::find_if(pools_.begin(), pools_.end(),
                                    [&](const auto& pool) { return pool->name() == name; });
    return found == pools_.end() ? nullptr : found->get();
}

// --- Ready or not, and who hears of it. ---

bool Daemon::ready() const
{
    const auto count =
        std::count_if(pools_.begin(), pools_.end(), [](const auto& pool) { return pool->ready(); });
    return phase_ == Phase::running && static_cast<std::size_t>(count) >= pools_asked_for();
}

bool Daemon::may_become_ready() const
{
    const auto count = std::count_if(pools_.begin(), pools_.end(),
                                     [](const auto& pool) { return pool->may_become_ready(); });
    return static_cast<std::size_t>(count) >= pools_asked_for();
}

std::size_t Daemon::pools_asked_for() const
{
    return std::min<std::size_t>(spec_.ready_when.value_or(pools_.size()), pools_.size());
}

std::string Daemon::sentence() const
{
    unsigned ready_workers = 0;
    unsigned desired = 0;
    unsigned alive = 0;
    for (const auto& pool : pools_) {
        ready_workers += pool->ready_count();
        desired += pool->desired();
        alive += pool->worker_count();
    }
    if (stopping())
        return "Stopping: " + std::to_string(alive) + " workers left";
    std::string text = std::to_string(ready_workers) + "/" + std::to_string(desired) +
                       " workers ready" + trouble();
    if (!last_reload_error_.empty())
        text += "; the last reload failed: " +
                last_reload_error_.substr(0, last_reload_error_.find('\n'));
    return text;
}

std::string Daemon::trouble() const
{
    for (const auto& pool : pools_)
        if (const std::string why = pool->down(); !why.empty())
            return "; pool " + pool->name() + ": " + why;
    return {};
}

awaitable<void> Daemon::tell_manager()
{
    std::string told;
    std::function<bool()> is_ready = [this, &told] {
        const bool hopeless = !may_become_ready();
        const std::string now = (hopeless ? "Not ready: " : "Starting: ") + sentence();
        if (now != told)
            manager_.starting(told = now, hopeless);
        return ready();
    };
    co_await changed_.wait_until(Clock::time_point::max(), std::move(is_ready));
    spdlog::info("ready: {}  pid={} generation={}", sentence(), keeper_pid(), generation_);
    manager_.ready(told = sentence());
    std::function<bool()> never = [this, &told] {
        if (sentence() != told)
            manager_.status(told = sentence());
        return false;
    };
    co_await changed_.wait_until(Clock::time_point::max(), std::move(never));
}

void Daemon::beat()
{
    keeper_.beat();
    manager_.beat(Clock::now(), !may_become_ready());
    beat_.expires_after(beat_interval);
    beat_.async_wait(alive_.guard([this](boost::system::error_code error) {
        if (!error)
            beat();
    }));
}

// --- Signals. ---

void Daemon::on_signal(int number)
{
    if (number == SIGHUP)
        return tasks_.start("reload", reload_unasked(Wish::apply));
    if (!stopping())
        return stop();
    hurry();
}

awaitable<void> Daemon::reload_unasked(Wish wish)
{
    Progress nobody;
    const Outcome outcome = co_await reload(wish, std::move(nobody));
    if (outcome.exit == exit_done)
        spdlog::info("reload: {}", outcome.message);
}

// --- Another spec. ---

awaitable<Outcome> Daemon::reload(Wish wish, Progress progress)
{
    const Turns::Turn turn = co_await turns_.take();
    auto read = [path = spec_.path, options = load_] { return config::load(path, options); };
    config::Loaded loaded = co_await off_loop_.run<config::Loaded>(std::move(read));
    if (stopping()) // perhaps only since we read
        co_return Outcome{exit_failed, "the daemon is stopping", {}};
    if (!loaded.spec)
        co_return refuse_spec(loaded, wish);
    config::Difference difference = config::diff(spec_, *loaded.spec);
    add_pools_behind(difference);
    std::vector<std::string> lines = config::describe(difference);
    boost::json::object data{{"changes", boost::json::value_from(lines)}};
    if (wish == Wish::show)
        co_return Outcome{
            exit_done, lines.empty() ? "nothing would change" : "would change:", std::move(data)};
    if (lines.empty()) {
        note_reload({});
        co_return Outcome{exit_done, "nothing has changed", std::move(data)};
    }
    if (wish == Wish::apply_edit && difference.removes() && spec_.watch != config::Watch::all)
        co_return hold_edit(difference);
    manager_.reloading();
    Reload reload{*this, std::move(*loaded.spec), std::move(difference), std::move(progress)};
    Outcome outcome = co_await reload.run();
    note_reload(outcome.exit == exit_done ? std::string{} : outcome.message);
    outcome.data = std::move(data);
    manager_.reloaded(sentence());
    co_return outcome;
}

// A pool that went back keeps the sockets it had. Where another went on to the new ones, the spec
// has those, and alone no longer says that the first has something to catch up with.
void Daemon::add_pools_behind(config::Difference& difference) const
{
    for (const auto& pool : pools_) {
        const auto& sockets = pool->spec()->program.sockets;
        const bool behind = std::ranges::any_of(sockets, [&](const std::string& socket) {
            return sockets_.find(socket) != sockets_.find(socket, pool->generation());
        });
        if (behind)
            config::note_replaced(difference, pool->name());
    }
}

Outcome Daemon::refuse_spec(const config::Loaded& loaded, Wish wish)
{
    std::string problems = joined(loaded.problems, spec_.path);
    const std::size_t count = loaded.problems.size();
    spdlog::error("reload: the spec has {} mistake{}, nothing was changed\n{}", count,
                  count == 1 ? "" : "s", problems);
    if (wish != Wish::show) {
        last_reload_error_ = problems;
        changed_.notify();
    }
    return {exit_config, std::move(problems), {}};
}

// A file that was torn while it was written looks just like one that removes something.
Outcome Daemon::hold_edit(const config::Difference& difference)
{
    waiting_edit_ =
        "the edited spec removes " + removed_by(difference) + ": `ostler reload` applies it";
    spdlog::warn("{}", waiting_edit_);
    return {exit_failed, waiting_edit_, {}};
}

void Daemon::note_reload(std::string error)
{
    waiting_edit_.clear();
    last_reload_error_ = std::move(error);
    changed_.notify();
}

void Daemon::watch_spec()
{
    watch_.reset();
    if (spec_.watch == config::Watch::never)
        return;
    watch_ =
        std::make_unique<SpecWatch>(loop_.get_executor(), spec_.path, [this] { spec_edited(); });
    if (!watch_->problem().empty())
        spdlog::warn("{}", watch_->problem());
}

void Daemon::spec_edited()
{
    if (!stopping())
        tasks_.start("edit of the spec", reload_unasked(Wish::apply_edit));
}

// --- The end. ---

void Daemon::stop()
{
    stop(exit_done);
}

void Daemon::stop(int code)
{
    if (stopping())
        return;
    phase_ = Phase::draining;
    exit_code_ = code;
    spdlog::info("stopping: draining {} pools", pools_.size());
    manager_.stopping(sentence());
    watch_.reset();
    changed_.notify();
    tasks_.start("stop", drain_and_end());
}

void Daemon::hurry()
{
    if (phase_ == Phase::draining)
        spdlog::warn("stopping at once");
    phase_ = Phase::hurrying;
    for (const auto& pool : pools_)
        pool->hurry();
    changed_.notify();
}

bool Daemon::queues_empty() const
{
    for (const auto& pool : pools_)
        for (const auto& slot : pool->slots())
            if (slot->worker() && slot->worker()->sockets().traffic().pending != 0)
                return false;
    return true;
}

// What the workers have not taken yet would have nobody to go to once all of them drain.
awaitable<void> Daemon::let_queues_empty()
{
    const auto deadline = Clock::now() + queues_have;
    boost::asio::steady_timer pause{loop_};
    while (!queues_empty() && Clock::now() < deadline && phase_ == Phase::draining) {
        pause.expires_after(5ms);
        co_await pause.async_wait(boost::asio::use_awaitable);
    }
}

awaitable<void> Daemon::drain_and_end()
{
    config::Duration delay{0};
    for (const auto& pool : pools_)
        delay = std::max(delay, pool->spec()->stop.delay);
    std::function<bool()> hurried = [this] { return phase_ == Phase::hurrying; };
    if (delay.count() > 0)
        co_await changed_.wait_until(Clock::now() + delay, std::move(hurried));
    sockets_.stop_accepting();
    asked_.stop_accepting();
    co_await let_queues_empty();
    if (phase_ == Phase::draining)
        for (const auto& pool : pools_)
            pool->stop();
    std::function<bool()> all_gone = [this] {
        return std::all_of(pools_.begin(), pools_.end(),
                           [](const auto& pool) { return pool->empty(); });
    };
    co_await changed_.wait_until(Clock::time_point::max(), std::move(all_gone));
    spdlog::info("stopped: no worker is left");
    end();
}

// Outside the group of tasks, as it ends them.
void Daemon::end()
{
    phase_ = Phase::hurrying;
    boost::asio::co_spawn(loop_, end_tasks(), [this](const std::exception_ptr&) {
        sockets_.close();
        keeper_.end(exit_code_);
        loop_.stop();
    });
}

awaitable<void> Daemon::end_tasks()
{
    co_await control_.stop();
    co_await tasks_.stop();
}

void Daemon::pool_wants_exit(Pool& pool)
{
    spdlog::critical("pool {} has failed and its spec says exit", pool.name());
    stop(exit_failed);
}

TakenPorts Daemon::ports_taken_beside(const Pool& asking) const
{
    TakenPorts taken;
    for (const auto& pool : pools_) {
        for (const auto& slot : pool->slots())
            if (slot->in_use())
                taken.take(slot->spec()->program, slot->index());
        for (unsigned slot = 0; pool.get() != &asking && slot < places(*pool->spec()); ++slot)
            taken.take(pool->spec()->program, slot);
    }
    for (const auto& listener : sockets_.all())
        take_port(*listener, taken);
    for (const AskedSockets::Open& asked : asked_.open())
        take_port(*asked.listener, taken);
    return taken;
}

void Daemon::keeper_gone()
{
    spdlog::critical("the keeper is gone: every worker is killed, and this master ends");
    for (const auto& pool : pools_)
        for (const auto& slot : pool->slots())
            slot->kill_ourselves();
    exit_code_ = exit_failed;
    end();
}

} // namespace ostler
