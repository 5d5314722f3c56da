// SPDX-License-Identifier: MIT
// What /proc says of a process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ostler::test
{

[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);
[[nodiscard]] std::string command_line(pid_t pid);       // words separated by blanks
[[nodiscard]] bool alive(pid_t pid);                     // neither gone nor a zombie
[[nodiscard]] char state_of(pid_t pid);                  // as in stat; '-' when there is none
[[nodiscard]] std::uint64_t cpu_microseconds(pid_t pid); // user and system
[[nodiscard]] std::uint64_t pss_kib(pid_t pid);
[[nodiscard]] std::string status_field(pid_t pid, const std::string& name); // of status: "Umask"
[[nodiscard]] std::map<int, std::string> descriptors_of(pid_t pid);
[[nodiscard]] std::map<std::string, std::string> environment_of(pid_t pid);

} // namespace ostler::test
