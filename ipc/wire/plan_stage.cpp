// SPDX-License-Identifier: MIT
#include "ipc/wire/plan_format.hpp"

#include <iterator>

namespace ostler::wire::plan
{

std::string_view stage_name(Stage stage)
{
    static constexpr std::string_view names[] = {
        "reading the plan",
        "placing its descriptors",
        "setting the umask",
        "setting the nice value",
        "setting oom_score_adj",
        "binding it to its CPUs",
        "setting its limits",
        "setting its groups",
        "changing to the user",
        "dropping privileges",
        "making sure that the keeper lives",
        "changing to the working directory",
        "opening its output",
        "executing the program",
    };
    static_assert(std::size(names) == static_cast<std::size_t>(Stage::count));
    const auto number = static_cast<std::size_t>(stage);
    return number < std::size(names) ? names[number] : "starting it";
}

} // namespace ostler::wire::plan
