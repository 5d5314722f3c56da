// SPDX-License-Identifier: MIT
#include "daemon/path_trail.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>

namespace ostler
{
namespace
{

namespace fs = std::filesystem;

constexpr int most_links = 40; // as the kernel: beyond that the path leads nowhere

std::deque<std::string> components_of(const fs::path& path)
{
    std::deque<std::string> components;
    for (const auto& component : path.relative_path())
        if (!component.empty() && component != ".")
            components.push_back(component.string());
    return components;
}

} // namespace

std::vector<PathStep> path_trail(const std::string& path)
{
    std::vector<PathStep> trail;
    auto ahead = components_of(fs::absolute(path));
    fs::path here = "/";
    for (int links = 0; !ahead.empty() && links <= most_links;) {
        const std::string name = ahead.front();
        ahead.pop_front();
        if (name == "..") {
            here = here.parent_path();
            continue;
        }
        const PathStep step{here.string(), name, ahead.empty()};
        if (std::find(trail.begin(), trail.end(), step) == trail.end())
            trail.push_back(step);

        std::error_code gone;
        const auto kind = fs::symlink_status(here / name, gone).type();
        if (kind == fs::file_type::symlink) {
            const fs::path target = fs::read_symlink(here / name, gone);
            const auto detour = components_of(target);
            ahead.insert(ahead.begin(), detour.begin(), detour.end());
            if (target.is_absolute())
                here = "/";
            ++links;
        } else if (kind == fs::file_type::not_found || kind == fs::file_type::none) {
            break;
        } else {
            here /= name;
        }
    }
    return trail;
}

} // namespace ostler
