// SPDX-License-Identifier: MIT
// The readers of the larger parts of a spec. Each fills its struct and complains of what is wrong.
#pragma once

#include "config/cursor.hpp"
#include "config/spec.hpp"

namespace ostler::config
{

// What the file says, for pools and sockets with their names as keys; `defaults` are merged in.
[[nodiscard]] Spec read_spec(const Cursor& root);
[[nodiscard]] std::vector<Socket> read_sockets(const Cursor& at);
[[nodiscard]] std::vector<Pool> read_pools(const Cursor& at);
[[nodiscard]] bool read_name(const Cursor& at, std::string& name);
inline constexpr std::size_t most_of_a_kind = 1024; // pools, and sockets
[[nodiscard]] bool too_many(const Cursor& at);

void read(const Cursor& at, Ready& into);
void read(const Cursor& at, Backoff& into);
void read(const Cursor& at, Budget& into);
void read(const Cursor& at, Restart& into);
void read(const Cursor& at, Stop& into);
void read(const Cursor& at, Messages& into);
void read(const Cursor& at, Rollout& into);
void read(const Cursor& at, Log& into);
void read(const Cursor& at, Control& into);

// The keys of a pool that make its Program (program_reader.cpp), one function each.
void read_exec(const Cursor& at, Program& into);
void read_args(const Cursor& at, Program& into);
void read_socket_names(const Cursor& at, Program& into);
void read_controlled_pools(const Cursor& at, Program& into);
void read_env(const Cursor& at, Program& into);
void read_ports(const Cursor& at, Program& into);
void read_cwd(const Cursor& at, Program& into);
void read_limits(const Cursor& at, Program& into);
void read_cpu_affinity(const Cursor& at, Program& into);
void read_umask(const Cursor& at, Program& into);
void read(const Cursor& at, Output& into);
void read(const Cursor& at, ListenAllow& into);
// From `user`, `group` and `supplementary_groups` together.
void read_user(const Cursor& pool, Program& into);

} // namespace ostler::config
