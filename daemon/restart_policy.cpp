// SPDX-License-Identifier: MIT
#include "daemon/restart_policy.hpp"

#include <algorithm>
#include <cmath>

namespace ostler
{
namespace
{

bool contains(const std::vector<int>& codes, std::optional<int> code)
{
    return code && std::find(codes.begin(), codes.end(), *code) != codes.end();
}

} // namespace

bool wants_another(const config::Restart& restart, const Ending& ending)
{
    if (ending.voluntary || contains(restart.stay_down_codes, ending.code))
        return false;
    const bool succeeded =
        ending.start_failure.empty() && contains(restart.success_codes, ending.code);
    const bool abnormal = ending.signal.has_value() || ending.timed_out;
    switch (restart.policy) {
    case config::RestartWhen::always:
        return true;
    case config::RestartWhen::on_failure:
        return abnormal || !succeeded;
    case config::RestartWhen::on_abnormal:
        return abnormal;
    case config::RestartWhen::never:
        return false;
    }
    return false;
}

config::Duration backoff_delay(const config::Backoff& backoff, unsigned failures, double chance)
{
    if (failures <= 1)
        return backoff.initial;
    const double grown =
        static_cast<double>(backoff.next.count()) * std::pow(backoff.factor, failures - 2);
    const double capped = std::min(grown, static_cast<double>(backoff.max.count()));
    const double spread = capped * (1 + backoff.jitter * (2 * chance - 1));
    return config::Duration{static_cast<config::Duration::rep>(
        std::min(spread, static_cast<double>(backoff.max.count())))};
}

bool RestartHistory::spent(const config::Budget& budget, Clock::time_point now)
{
    while (!recent_.empty() && now - recent_.front() > budget.within)
        recent_.pop_front();
    if (recent_.size() >= budget.restarts)
        return true;
    recent_.push_back(now);
    return false;
}

RestartHistory::Decision RestartHistory::decide(const config::Restart& restart,
                                                const Ending& ending, Clock::time_point now,
                                                double chance)
{
    if (ending.ready_for >= restart.backoff.reset_after)
        forgive();
    if (!wants_another(restart, ending))
        return {Verdict::stay_down};
    ++failures_;
    if (!spent(restart.budget, now))
        return {Verdict::again, backoff_delay(restart.backoff, failures_, chance)};
    switch (restart.budget.then) {
    case config::BudgetSpent::slow:
        break;
    case config::BudgetSpent::fail:
        return {Verdict::fail};
    case config::BudgetSpent::exit:
        return {Verdict::exit};
    }
    return {Verdict::again, restart.backoff.max};
}

void RestartHistory::forgive()
{
    failures_ = 0;
    recent_.clear();
}

} // namespace ostler
