// SPDX-License-Identifier: MIT
// Everything that decides which file a path names: each folder entry on the way, through every
// symbolic link. Whoever wants to know when the path names something else watches these.
#pragma once

#include <string>
#include <vector>

namespace ostler
{

struct PathStep {
    std::string folder; // no link in it
    std::string name;
    bool last = false; // the file itself, or a link to it; false: a folder, or a link to one
    bool operator==(const PathStep&) const = default;
};

// In order, without repetition. Ends early where something is missing: that entry is in it.
[[nodiscard]] std::vector<PathStep> path_trail(const std::string& path);

} // namespace ostler
