// SPDX-License-Identifier: MIT
// The bytes of a plan (plan.hpp says what it is): a head of plain numbers, then sections that the
// head points at, each at a multiple of 8. libc only; write_plan and read_plan are its two ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ostler::wire::plan
{

inline constexpr std::uint32_t magic = 0x4e4c504f; // "OPLN"
inline constexpr std::uint32_t version = 2;
inline constexpr std::size_t max_bytes = 4 * 1024 * 1024;
inline constexpr int plan_fd = 3;   // where the launcher finds the plan,
inline constexpr int report_fd = 4; // the pipe for {stage, errno},
inline constexpr int first_fd = 5;  // and the descriptors that `descriptors` places, by index
inline constexpr std::uint32_t max_descriptors = 62; // keeper::max_start_fds without those two
inline constexpr std::int32_t first_target = 3;      // 0 to 2: `in`, `out` and `err`
inline constexpr std::int32_t max_target = 65535;

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

// What the launcher did, to be followed by the error: "worker api/3: " + "changing to the user" +
// ": operation not permitted". Any number may be asked for, as it comes from another process.
[[nodiscard]] std::string_view stage_name(Stage stage);

struct Report {
    std::uint32_t stage = 0;
    std::int32_t error = 0; // errno
};

enum class OutputKind : std::uint32_t { inherit = 0, null = 1, file = 2, descriptor = 3 };

struct Placement {
    std::uint32_t index = 0; // descriptor first_fd + index as received
    std::int32_t target = 0; // becomes this number in the worker
    bool operator==(const Placement&) const = default;
};

struct Limit {
    std::int64_t resource = 0; // RLIMIT_*; 64 bits, so that no padding travels
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const Limit&) const = default;
};

inline constexpr std::uint32_t unset = 0xffffffff;

enum Flag : std::uint32_t {
    listen_pid = 1,
    set_nice = 2,
    set_oom_score_adj = 4,
    no_new_privileges = 8,
};

// A string: `count` bytes, the last of them its only NUL. A list of strings: `count` bytes of such
// strings, one behind the other. Anything else: `count` elements.
struct Section {
    std::uint32_t offset = 0;
    std::uint32_t count = 0;
};

struct Head {
    std::uint32_t magic = plan::magic;
    std::uint32_t version = plan::version;
    std::uint32_t bytes = 0; // of the whole plan
    std::uint32_t flags = 0;
    std::uint32_t uid = unset;
    std::uint32_t gid = unset;
    std::uint32_t umask = unset;
    std::int32_t nice = 0;
    std::int32_t oom_score_adj = 0;
    std::int32_t keeper = 0;
    std::uint32_t in_kind = 1; // null, or a descriptor
    std::uint32_t in_index = 0;
    std::uint32_t out_kind = 0;
    std::uint32_t out_index = 0;
    std::uint32_t err_kind = 0;
    std::uint32_t err_index = 0;
    Section exec, cwd, out_path, err_path;
    Section args, env;
    Section groups, cpus; // std::uint32_t
    Section limits;       // Limit
    Section descriptors;  // Placement
};
static_assert(sizeof(Head) == 16 * 4 + 10 * 8 && sizeof(Limit) == 24 && sizeof(Placement) == 8);

} // namespace ostler::wire::plan
