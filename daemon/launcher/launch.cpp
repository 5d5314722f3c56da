// SPDX-License-Identifier: MIT
#include "daemon/launcher/launch.hpp"

#include <cerrno>
#include <iterator>

namespace ostler::launcher
{
namespace
{

using wire::plan::Stage;

struct Step {
    Stage stage;
    int (*carry_out)(Launch&);
};

constexpr Step steps[] = {
    {Stage::reading_plan, read_plan},
    {Stage::descriptors, place_descriptors},
    {Stage::umask, set_umask},
    {Stage::nice, set_nice},
    {Stage::oom_score_adj, set_oom_score_adj},
    {Stage::affinity, set_affinity},
    {Stage::limits, set_limits},
    {Stage::groups, set_groups},
    {Stage::user, change_user},
    {Stage::privileges, verify_privileges},
    {Stage::death_signal, die_with_keeper}, // a change of ids would clear it
    {Stage::working_directory, change_directory},
    {Stage::output, open_output}, // as the worker's user, who may not open what we could
    {Stage::executing, execute},
};

constexpr bool every_stage_in_its_place()
{
    for (std::size_t i = 0; i < std::size(steps); ++i)
        if (steps[i].stage != static_cast<Stage>(i))
            return false;
    return std::size(steps) == static_cast<std::size_t>(Stage::count);
}
static_assert(every_stage_in_its_place());

} // namespace

void carry_out(Launch& launch)
{
    for (const Step& step : steps) {
        const wire::plan::Report report{static_cast<std::uint32_t>(step.stage),
                                        step.carry_out(launch)};
        if (report.error == 0)
            continue;
        // Nobody may be listening any more; then the exit code has to do.
        [[maybe_unused]] const auto written = ::write(launch.report.get(), &report, sizeof report);
        return;
    }
}

int error_of(long result)
{
    return result < 0 ? errno : 0;
}

} // namespace ostler::launcher
