// SPDX-License-Identifier: MIT
// ./dev bench: ostler, the same workers without it, and Node's cluster, side by side in one run.
// Rounds are interleaved and medians shown: compare within a run only.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <sys/utsname.h>
#include <thread>
#include <vector>

#include "tests/bench/contenders.hpp"
#include "tests/bench/measures.hpp"
#include "tests/bench/messages.hpp"
#include "tests/bench/table.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/orphans.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

struct Plan {
    unsigned rounds = 5;
    Milliseconds saturated = 1500ms, light = 3s, blocking = 3s, messages = 500ms;
    unsigned kills = 30;
    bool node = true;
};

std::vector<Kind> contenders(const Plan& plan, std::vector<Kind> wanted)
{
    if (!plan.node)
        std::erase_if(wanted, [](Kind kind) {
            return kind == Kind::node_round_robin || kind == Kind::node_none;
        });
    return wanted;
}

void compare_throughput(const Plan& plan)
{
    const auto kinds = contenders(plan, {Kind::bare, Kind::ostler_shared, Kind::ostler_round_robin,
                                         Kind::node_round_robin, Kind::node_none});
    std::map<Kind, std::unique_ptr<Contender>> serving;
    for (const Kind kind : kinds)
        serving[kind] = start(kind, {.workers = 4});
    std::map<Kind, std::vector<double>> rate, cpu, failed;
    for (unsigned round = 0; round < plan.rounds; ++round)
        for (const Kind kind : kinds) {
            const Throughput got = saturate(*serving[kind], plan.saturated);
            rate[kind].push_back(got.per_second);
            cpu[kind].push_back(got.master_us);
            failed[kind].push_back(got.failed);
        }
    const double limit = median(rate[Kind::bare]);
    const double node = plan.node ? median(rate[Kind::node_round_robin]) : 0;
    Table table{"New connections, one request each (4 workers, 64 clients)",
                {"conn/s", "of the limit", "x Node rr", "master us", "failed"}};
    for (const Kind kind : kinds)
        table.row(name_of(kind),
                  {number(median(rate[kind])), number(median(rate[kind]) / limit, 2),
                   node > 0 ? number(median(rate[kind]) / node, 1) : "-",
                   kind == Kind::bare ? "-" : number(median(cpu[kind]), 1),
                   number(*std::max_element(failed[kind].begin(), failed[kind].end()))});
    table.print();
    print_promise("round-robin of the limit", median(rate[Kind::ostler_round_robin]) / limit, 0.75,
                  true);
}

struct Spread {
    std::vector<double> ratio, p50, p90, p99, blocked, others;
    void add(const Balance& got)
    {
        ratio.push_back(got.ratio);
        p50.push_back(got.p50_ms);
        p90.push_back(got.p90_ms);
        p99.push_back(got.p99_ms);
        blocked.push_back(got.blocked_share);
        others.push_back(got.others_ratio);
    }
};

std::map<Kind, Spread> spread_all(const std::vector<Kind>& kinds, const Crew& crew,
                                  double per_second, Milliseconds during, unsigned rounds)
{
    std::map<Kind, std::unique_ptr<Contender>> serving;
    for (const Kind kind : kinds)
        serving[kind] = start(kind, crew);
    std::map<Kind, Spread> result;
    for (unsigned round = 0; round < rounds; ++round)
        for (const Kind kind : kinds)
            result[kind].add(spread(*serving[kind], per_second, during, crew.workers));
    return result;
}

void compare_balance(const Plan& plan)
{
    const auto kinds =
        contenders(plan, {Kind::ostler_round_robin, Kind::ostler_shared, Kind::node_round_robin});
    const Crew crew{.workers = 8};
    auto light = spread_all(kinds, crew, 300, plan.light, 3);
    auto saturated = spread_all(kinds, crew, 0, plan.saturated, 3);
    Table table{"Balance of 8 like workers: largest share / smallest", {"300/s", "saturated"}};
    for (const Kind kind : kinds)
        table.row(name_of(kind),
                  {number(median(light[kind].ratio), 4), number(median(saturated[kind].ratio), 4)});
    table.print();
    print_promise("round-robin at 300/s", median(light[Kind::ostler_round_robin].ratio), 1.01,
                  false);
    print_promise("round-robin saturated", median(saturated[Kind::ostler_round_robin].ratio), 1.01,
                  false);
}

void compare_blocking(const Plan& plan)
{
    const auto kinds =
        contenders(plan, {Kind::ostler_round_robin, Kind::ostler_shared, Kind::node_round_robin});
    const Crew crew{.workers = 8, .first_blocks = true};
    auto got = spread_all(kinds, crew, 600, plan.blocking, 3);
    Table table{"One of 8 workers blocks 20 ms a request, 600/s: ms of all requests",
                {"p50", "p90", "p99", "its share %", "others ratio"}};
    for (const Kind kind : kinds)
        table.row(name_of(kind),
                  {number(median(got[kind].p50), 2), number(median(got[kind].p90), 2),
                   number(median(got[kind].p99), 2), number(100 * median(got[kind].blocked), 1),
                   number(median(got[kind].others), 4)});
    table.print();
    print_promise("round-robin p99", median(got[Kind::ostler_round_robin].p99), 25, false, " ms");
}

void compare_restart(const Plan& plan)
{
    const auto kinds = contenders(plan, {Kind::ostler_round_robin, Kind::node_round_robin});
    Table table{"SIGKILL of the only worker to the answer of its replacement, ms",
                {"median", "worst", "failed"}};
    for (const Kind kind : kinds) {
        const auto serving = start(kind, {.workers = 1});
        std::vector<double> took;
        double failed = 0;
        for (unsigned kill = 0; kill < plan.kills; ++kill) {
            const Replacement got = replace_killed(*serving);
            took.push_back(got.ms);
            failed += got.failed;
        }
        table.row(name_of(kind),
                  {number(median(took), 2), number(*std::max_element(took.begin(), took.end()), 2),
                   number(failed)});
    }
    table.print();
}

void compare_memory(const Plan& plan)
{
    const auto kinds = contenders(plan, {Kind::ostler_round_robin, Kind::node_round_robin});
    Table table{"Memory without the workers (PSS of keeper and master, MiB)",
                {"1 worker", "10", "100"}};
    for (const Kind kind : kinds) {
        std::vector<std::string> cells;
        for (const unsigned workers : {1u, 10u, 100u})
            cells.push_back(kind == Kind::node_round_robin && workers > 10 // they need gigabytes
                                ? "-"
                                : number(pss_mib(*start(kind, {.workers = workers})), 1));
        table.row(name_of(kind), cells);
    }
    table.print();
}

void introduce(const Plan& plan)
{
    utsname machine{};
    ::uname(&machine);
    std::printf("%u CPUs, Linux %s; %u interleaved rounds, medians: compare within this run only\n",
                std::thread::hardware_concurrency(), machine.release, plan.rounds);
    if (!plan.node)
        std::printf("Node 14.15.2 is not installed here (./dev bench does it): left out\n");
}

} // namespace

} // namespace ostler::bench

namespace
{

struct Part {
    const char* name;
    void (*measure)(const ostler::bench::Plan&);
};
constexpr Part parts[] = {
    {"throughput", ostler::bench::compare_throughput},
    {"balance", ostler::bench::compare_balance},
    {"blocking", ostler::bench::compare_blocking},
    {"restart", ostler::bench::compare_restart},
    {"memory", ostler::bench::compare_memory},
    {"messages",
     [](const ostler::bench::Plan& plan) {
         ostler::bench::compare_messages(plan.rounds, plan.messages, plan.node);
     }},
};

} // namespace

// bench [--quick] [PART…]: all parts, or those named.
int main(int argc, char** argv)
{
    using namespace ostler::bench;
    Plan plan;
    std::vector<std::string> wanted{argv + 1, argv + argc};
    if (std::erase(wanted, "--quick") != 0)
        plan = {.rounds = 1,
                .saturated = ostler::test::Milliseconds{300},
                .light = ostler::test::Milliseconds{500},
                .blocking = ostler::test::Milliseconds{500},
                .messages = ostler::test::Milliseconds{200},
                .kills = 3};
    for (const std::string& name : wanted)
        if (std::ranges::count(parts, name, &Part::name) == 0) {
            std::fprintf(stderr, "bench: there is no part \"%s\"\n", name.c_str());
            return 64;
        }
    plan.node = node_is_there();
    ostler::test::become_subreaper();
    introduce(plan);
    for (const Part& part : parts)
        if (wanted.empty() || std::ranges::count(wanted, part.name) != 0)
            part.measure(plan);
    const auto left = ostler::test::leftovers(ostler::test::open_descriptors());
    for (const std::string& sentence : left)
        std::fprintf(stderr, "%s\n", sentence.c_str());
    return left.empty() ? 0 : 1;
}
