// SPDX-License-Identifier: MIT
// What the machine knows: users, groups, programs, folders, CPUs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "config/parsed.hpp"
#include "config/variables.hpp"

namespace ostler::config
{

struct Account {
    std::string name; // as known to the machine; the number where it knows none
    uid_t uid = 0;
    std::optional<gid_t> gid; // none for a number without an entry
    std::string home = "/";
};

// By name or number. A number need not have an entry.
[[nodiscard]] Parsed<Account> find_user(const std::string& name);
[[nodiscard]] Parsed<gid_t> find_group(const std::string& name);
[[nodiscard]] std::vector<gid_t> groups_of(const Account& user, gid_t primary);

// The absolute path of a program: relative to `folder` if it has a slash, else looked up in PATH.
// It is there, a file, and may be executed.
[[nodiscard]] Parsed<std::string> find_program(const std::string& name, const std::string& folder,
                                               const Environment& environment);

[[nodiscard]] bool is_folder(const std::string& path);
[[nodiscard]] unsigned usable_cpus(); // by the affinity of this process, at least 1
[[nodiscard]] unsigned known_cpus();  // of the machine

} // namespace ostler::config
