// SPDX-License-Identifier: MIT
// What master and keeper say to each other on their SOCK_SEQPACKET pair. Both are of one build: no
// versions here.
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/wire/bytes.hpp"

namespace ostler::wire::keeper
{

inline constexpr int channel_fd = 3; // where the master finds its end
inline constexpr std::size_t max_packet_bytes = 4096;
inline constexpr std::size_t max_start_fds = 64; // descriptors of one start, plan included

enum class Type : std::uint16_t {
    start = 64,
    signal = 65,
    acknowledge = 66,
    notify = 67,
    end = 68,
    beat = 69,
    started = 72,
    exited = 73,
};

// master → keeper, with descriptors: the plan first, then the report pipe, then what the plan
// places. The keeper runs the launcher with them as 3, 4, 5, …
struct Start {
    static constexpr Type type = Type::start;
    std::uint64_t worker = 0;
    void fields(auto&& visit) { visit(worker); }
};

// master → keeper: to the process or its whole group; the keeper knows whether the number is still
// theirs.
enum class Scope : std::uint8_t { process = 0, group = 1 };
struct Signal {
    static constexpr Type type = Type::signal;
    std::uint64_t worker = 0;
    std::int32_t number = 0;
    std::uint8_t scope = 0;
    void fields(auto&& visit) { visit(worker), visit(number), visit(scope); }
};

// master → keeper: this exit was recorded, forget it.
struct Acknowledge {
    static constexpr Type type = Type::acknowledge;
    std::uint64_t worker = 0;
    void fields(auto&& visit) { visit(worker); }
};

// master → keeper: pass this to our own service manager, if there is one.
struct Notify {
    static constexpr Type type = Type::notify;
    std::string_view state;
    void fields(auto&& visit) { visit(state); }
};

// master → keeper: the daemon ends with this code. The master exits by itself after that (it is
// killed if it has not within five seconds); then the keeper kills and reaps all that is left below
// it, and exits with `code`, or with 1 instead of 0 when something could not be ended.
struct End {
    static constexpr Type type = Type::end;
    std::int32_t code = 0;
    void fields(auto&& visit) { visit(code); }
};

// master → keeper, every second: the loop lives. From the first one on, five missed in a row are
// answered by SIGABRT, and SIGKILL a second later.
struct Beat {
    static constexpr Type type = Type::beat;
    void fields(auto&&) {}
};

// keeper → master, with the pidfd unless `pid` is a negative errno (the launcher could not be
// started: EMFILE of the keeper, EAGAIN for a full table, EEXIST for an id that is in use, or why
// the launcher could not be executed; ESRCH, unasked for, when a signal was for a worker that the
// keeper does not know: no exit of it will come). Comes before the exit of the same worker.
struct Started {
    static constexpr Type type = Type::started;
    std::uint64_t worker = 0;
    std::int32_t pid = 0;
    void fields(auto&& visit) { visit(worker), visit(pid); }
};

// keeper → master: once when the worker is reaped, and again at every beat until acknowledged; so
// one may come twice, and then is acknowledged twice. What was left of the worker's process group
// is killed already. `code` and `status` as siginfo_t has them (CLD_EXITED, …).
struct Exited {
    static constexpr Type type = Type::exited;
    std::uint64_t worker = 0;
    std::int32_t code = 0;
    std::int32_t status = 0;
    void fields(auto&& visit) { visit(worker), visit(code), visit(status); }
};

} // namespace ostler::wire::keeper
