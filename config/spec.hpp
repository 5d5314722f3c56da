// SPDX-License-Identifier: MIT
// The worker spec as plain structs: what the YAML said, with every default visible here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "config/ports.hpp"
#include "config/protocol.hpp"

namespace ostler::config
{

using Duration = std::chrono::milliseconds;
using namespace std::chrono_literals;

// Where in the file something was said. Lines and columns count from 1; 0 means "nowhere".
struct Place {
    int line = 0;
    int column = 0;
    bool operator==(const Place&) const { return true; } // moving a key is not a change
};

struct Address {
    // inherited: passed by the service manager, whatever it is.
    enum class Family { tcp, udp, unix_path, unix_abstract, inherited };
    Family family = Family::tcp;
    std::string host;       // literal address; "0.0.0.0", "::"
    std::uint16_t port = 0; // 0: any free port
    // Of a Unix socket (absolute), or the abstract name without its '@'; or the name by which the
    // service manager passes it.
    std::string path;
    std::string text; // as written in the spec; another spelling is no change
    bool operator==(const Address& other) const
    {
        return family == other.family && host == other.host && port == other.port &&
               path == other.path;
    }
};

enum class Scheduling { automatic, round_robin, shared };
enum class Overflow { hold, shed };

struct Socket {
    std::string name;
    Address listen;
    Scheduling scheduling = Scheduling::automatic;
    int backlog = 1024;
    bool v6only = false; // `[::]` takes IPv4 as well unless this is true
    bool keepalive = false;
    bool nodelay = false;
    Duration defer_accept = 0s;
    Overflow overflow = Overflow::hold;
    Duration patience = 30s;    // held connections are reset after this long without room
    std::optional<mode_t> mode; // of a Unix socket's file
    std::optional<uid_t> owner;
    std::optional<gid_t> group;
    Place place;
    bool operator==(const Socket&) const = default;
};

// spawned: executed. online: the worker has said hello. listening: it has every socket of its pool.
// notify: it has said that it is ready.
enum class ReadyWhen { spawned, online, listening, notify };
enum class RestartWhen { always, on_failure, on_abnormal, never };
enum class BudgetSpent { slow, fail, exit };
enum class RolloutFailure { rollback, stop };

struct Output {
    enum class Kind { log, inherit, null, file, handle };
    Kind kind = Kind::log;
    std::string path;    // of a file
    unsigned handle = 0; // which of those that a controller has sent along
    bool operator==(const Output&) const = default;
};

struct Limit {
    int resource;
    std::uint64_t value; // soft and hard alike; RLIM_INFINITY for `unlimited`
    bool operator==(const Limit&) const = default;
};

struct User {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
    std::string name;
    std::string home = "/"; // HOME of the worker
    bool operator==(const User&) const = default;
};

struct Ready {
    ReadyWhen when = ReadyWhen::spawned; // resolved by the reader from protocol and sockets
    Duration timeout = 30s;
    bool operator==(const Ready&) const = default;
};

struct Backoff {
    Duration initial = 0s;
    Duration next = 100ms;
    double factor = 2;
    Duration max = 30s;
    double jitter = 0.25;
    Duration reset_after = 60s;
    bool operator==(const Backoff&) const = default;
};

struct Budget {
    unsigned restarts = 10;
    Duration within = 60s;
    BudgetSpent then = BudgetSpent::slow;
    bool operator==(const Budget&) const = default;
};

struct Restart {
    RestartWhen policy = RestartWhen::always;
    Backoff backoff;
    Budget budget;
    std::vector<int> success_codes{0};
    std::vector<int> stay_down_codes;
    bool operator==(const Restart&) const = default;
};

struct Stop {
    Duration delay = 0s;
    Duration drain = 30s;
    int signal = 15; // SIGTERM
    Duration kill_after = 10s;
    bool operator==(const Stop&) const = default;
};

struct Rollout {
    unsigned surge = 1;
    Duration min_healthy = 2s; // asked of the first worker replaced; the others need only be ready
    Duration deadline = 60s;   // for one worker to become ready
    RolloutFailure on_failure = RolloutFailure::rollback;
    bool operator==(const Rollout&) const = default;
};

// What user messages may cost.
struct Messages {
    std::uint64_t limit = 16 << 20;   // bytes of one, from a worker or to it
    std::uint64_t waiting = 16 << 20; // bytes that wait until a worker reads
    Duration patience = 30s;          // with a worker that reads nothing meanwhile
    bool operator==(const Messages&) const = default;
};

// What workers may have bound at run time, beyond the sockets of the spec.
struct ListenAllow {
    enum class Kind { declared, unprivileged, any, patterns };
    Kind kind = Kind::unprivileged; // what the worker's own user could bind
    std::vector<std::string> patterns;
    bool operator==(const ListenAllow&) const = default;
};

// What a controller wants its forks to be born with beside their output (settings, `stdio`).
struct Stdio {
    struct Placed {
        int number; // in the worker, from 3 on
        unsigned handle;
        bool operator==(const Placed&) const = default;
    };
    std::optional<unsigned> in; // a handle; else /dev/null
    std::vector<Placed> further;
    std::optional<int> channel; // the number of its channel
    bool operator==(const Stdio&) const = default;
};

// What a process is made from: a change here needs a new process.
struct Program {
    std::string exec;                  // absolute
    std::vector<std::string> args;     // may hold variables of the worker, as ${OSTLER_SLOT}
    std::vector<std::string> sockets;  // names
    std::vector<std::string> controls; // names of the pools that its workers administer
    ListenAllow listen_allow;
    Scheduling asked_scheduling = Scheduling::automatic; // of sockets asked for at run time
    Protocol protocol = Protocol::ostler;
    std::vector<std::pair<std::string, std::string>> env;
    std::vector<Port> ports;
    bool env_clear = false;
    std::string cwd; // the reader's default: the spec's folder
    std::optional<User> user;
    std::optional<mode_t> umask;
    std::optional<int> nice;
    std::vector<unsigned> cpu_affinity;
    std::optional<int> oom_score_adj;
    std::vector<Limit> limits;
    bool no_new_privileges = false;
    Output out;
    Output err;
    Stdio stdio;
    bool operator==(const Program&) const = default;
};

inline constexpr unsigned most_workers = 1024; // of a pool

struct Pool {
    std::string name;
    unsigned workers = 1;
    Program program;
    Ready ready;
    Restart restart;
    Stop stop;
    Rollout rollout;
    Messages messages;
    Place place;
    bool operator==(const Pool&) const = default;
};

// Who may do what on the control socket: users by name or number, groups with '@'.
struct Access {
    std::vector<uid_t> users;
    std::vector<gid_t> groups;
    bool operator==(const Access&) const = default;
};

struct Control {
    std::string path; // empty: the default
    Access observe, operate, administer;
    bool operator==(const Control&) const = default;
};

enum class LogLevel { trace, debug, info, warn, error };
enum class LogFormat { text, json };

struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    bool operator==(const Log&) const = default;
};

enum class Watch { never, changes, all };

struct Spec {
    std::string path; // as opened, absolute
    Control control;
    Log log;
    Watch watch = Watch::changes;
    std::optional<unsigned> ready_when; // number of pools; nullopt: all
    std::vector<Socket> sockets;        // in the order of the file
    std::vector<Pool> pools;
};

[[nodiscard]] const Socket* find_socket(const Spec& spec, std::string_view name);
[[nodiscard]] const Pool* find_pool(const Spec& spec, std::string_view name);

// How a socket really spreads: round_robin or shared, `automatic` resolved by the pools on it.
[[nodiscard]] Scheduling effective(const Socket& socket, const Spec& spec);

} // namespace ostler::config
