// SPDX-License-Identifier: MIT
// The plan: everything the launcher must know to turn itself into a worker. Names are numbers
// already; the launcher looks nothing up. The master writes it into a sealed memfd (write_plan);
// the launcher maps and reads it (read_plan), believes nothing in it, and refuses one that makes no
// sense.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ostler::wire::plan
{

inline constexpr std::uint32_t magic = 0x4e4c504f; // "OPLN"
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t max_bytes = 4 * 1024 * 1024;
inline constexpr int plan_fd = 3;   // where the launcher finds the plan,
inline constexpr int report_fd = 4; // the pipe for {stage, errno},
inline constexpr int first_fd = 5;  // and the descriptors that `descriptors` places, by index

// The launcher's steps, in this order. The numbers travel in a report.
enum class Stage : std::uint32_t {
    reading_plan = 0,
    descriptors,
    umask,
    nice,
    oom_score_adj,
    affinity,
    limits,
    groups,
    user,
    privileges, // verified after they were dropped; no_new_privs
    death_signal,
    working_directory,
    output,
    executing,
    count
};

struct Report {
    std::uint32_t stage = 0;
    std::int32_t error = 0; // errno
};

enum class OutputKind : std::uint32_t { inherit = 0, null = 1, file = 2, descriptor = 3 };

struct Output {
    OutputKind kind = OutputKind::inherit;
    std::string path;        // of a file
    std::uint32_t index = 0; // of a descriptor
    bool operator==(const Output&) const = default;
};

struct Placement {
    std::uint32_t index = 0; // descriptor first_fd + index as received
    std::int32_t target = 0; // becomes this number in the worker
    bool operator==(const Placement&) const = default;
};

struct Limit {
    std::int32_t resource = 0; // RLIMIT_*
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const Limit&) const = default;
};

inline constexpr std::uint32_t unset = 0xffffffff;

// The master's form of it.
struct Plan {
    std::string exec;
    std::vector<std::string> args; // argv, [0] included
    std::vector<std::string> env;  // "K=V"
    bool listen_pid = false;       // add LISTEN_PID, which only the process itself knows
    std::string cwd;
    std::uint32_t uid = unset; // unset: stay as we are, groups too
    std::uint32_t gid = unset;
    std::vector<std::uint32_t> groups;
    std::uint32_t umask = unset;
    std::int32_t nice = 0;
    bool set_nice = false;
    std::int32_t oom_score_adj = 0;
    bool set_oom_score_adj = false;
    std::vector<std::uint32_t> cpus; // empty: leave
    std::vector<Limit> limits;
    bool no_new_privileges = false;
    std::int32_t keeper = 0; // pid that must be our parent
    std::vector<Placement> descriptors;
    Output out;
    Output err;
};

// The bytes of the memfd. Strings end with NUL inside them, so that the launcher can point argv at
// the mapping.
[[nodiscard]] std::vector<char> write_plan(const Plan& plan);

} // namespace ostler::wire::plan
