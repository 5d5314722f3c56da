// SPDX-License-Identifier: MIT
#include "tests/bench/measures.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>

#include "tests/support/http_client.hpp"
#include "tests/support/load_engine.hpp"
#include "tests/support/proc.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

constexpr unsigned clients = 64;
constexpr Milliseconds warm_up = 200ms;

std::uint64_t master_cpu(const Contender& contender)
{
    return contender.master() ? cpu_microseconds(*contender.master()) : 0;
}

// In this thread: no other takes part of the two cores.
template <typename Ended>
double drive(const Contender& contender, double per_second, Milliseconds during, Ended ended)
{
    LoadEngine engine{
        contender.endpoint(), {.per_second = per_second, .at_a_time = clients}, ended};
    const auto begun = Clock::now();
    engine.run([&] { return Clock::now() - begun >= during; });
    return std::chrono::duration<double>(Clock::now() - begun).count();
}

double ratio_of(const std::vector<double>& sorted)
{
    return sorted.size() < 2 ? 1 : sorted.back() / std::max(1.0, sorted.front());
}

double percentile(const std::vector<double>& sorted, double part)
{
    if (sorted.empty())
        return 0;
    const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
    return sorted[std::min(place, sorted.size() - 1)];
}

} // namespace

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

Throughput saturate(const Contender& contender, Milliseconds during)
{
    double answered = 0, failed = 0;
    drive(contender, 0, warm_up, [](const Fate&) {});
    const auto cpu = master_cpu(contender);
    const double seconds = drive(
        contender, 0, during, [&](const Fate& fate) { ++(fate.error == 0 ? answered : failed); });
    const auto used = static_cast<double>(master_cpu(contender) - cpu);
    return {answered / seconds, answered > 0 ? used / answered : 0, failed};
}

Balance spread(const Contender& contender, double per_second, Milliseconds during, unsigned workers)
{
    std::map<pid_t, double> by_worker;
    std::vector<double> latencies;
    drive(contender, per_second, during, [&](const Fate& fate) {
        ++by_worker[fate.pid];
        latencies.push_back(
            std::chrono::duration<double, std::milli>(fate.ended - fate.began).count());
    });
    std::vector<double> counts(workers - std::min<std::size_t>(workers, by_worker.size()), 0);
    for (const auto& [pid, count] : by_worker)
        counts.push_back(count);
    std::sort(counts.begin(), counts.end());
    std::sort(latencies.begin(), latencies.end());
    const auto all = static_cast<double>(latencies.size());
    return {.ratio = ratio_of(counts),
            .p50_ms = percentile(latencies, 0.5),
            .p90_ms = percentile(latencies, 0.9),
            .p99_ms = percentile(latencies, 0.99),
            .blocked_share = counts.front() / std::max(1.0, all),
            .others_ratio = ratio_of({counts.begin() + 1, counts.end()})};
}

Replacement replace_killed(const Contender& contender)
{
    const Answer before = get(contender.endpoint());
    if (!before.whole)
        throw std::runtime_error("the worker does not answer");
    Replacement result;
    const auto begun = Clock::now();
    ::kill(before.pid, SIGKILL);
    // A second for each request: Node leaves what it was handing over unanswered for ever.
    while (!get(contender.endpoint(), "/", 1s).whole) {
        ++result.failed;
        if (Clock::now() - begun > 30s)
            throw std::runtime_error("no replacement serves");
    }
    result.ms = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
    return result;
}

double pss_mib(const Contender& contender)
{
    double kib = 0;
    for (const pid_t pid : contender.overhead())
        kib += static_cast<double>(pss_kib(pid));
    return kib / 1024;
}

} // namespace ostler::bench
