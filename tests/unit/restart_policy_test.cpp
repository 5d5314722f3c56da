// SPDX-License-Identifier: MIT
#include <vector>

#include "daemon/restart_policy.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using namespace std::chrono_literals;
using config::RestartWhen;
using Verdict = RestartHistory::Verdict;

namespace
{

Ending with_code(int code)
{
    Ending ending;
    ending.code = code;
    return ending;
}
Ending with_signal(int signal)
{
    Ending ending;
    ending.signal = signal;
    return ending;
}
config::Restart rules(RestartWhen policy)
{
    config::Restart restart;
    restart.policy = policy;
    return restart;
}

} // namespace

TEST_CASE("who is started again, by policy and ending")
{
    struct Row {
        RestartWhen policy;
        bool after_success, after_failure, after_signal, after_timeout;
    };
    const std::vector<Row> table{
        {RestartWhen::always, true, true, true, true},
        {RestartWhen::on_failure, false, true, true, true},
        {RestartWhen::on_abnormal, false, false, true, true},
        {RestartWhen::never, false, false, false, false},
    };
    Ending late = with_code(0);
    late.timed_out = true;
    for (const Row& row : table) {
        const config::Restart restart = rules(row.policy);
        CAPTURE(static_cast<int>(row.policy));
        CHECK(wants_another(restart, with_code(0)) == row.after_success);
        CHECK(wants_another(restart, with_code(1)) == row.after_failure);
        CHECK(wants_another(restart, with_signal(11)) == row.after_signal);
        CHECK(wants_another(restart, late) == row.after_timeout);
    }
}

TEST_CASE("codes that mean success, codes that mean stay down, and one that left of its own will")
{
    config::Restart restart = rules(RestartWhen::on_failure);
    restart.success_codes = {0, 3};
    restart.stay_down_codes = {77};
    CHECK_FALSE(wants_another(restart, with_code(3)));
    CHECK_FALSE(wants_another(restart, with_code(77)));
    restart.policy = RestartWhen::always;
    CHECK(wants_another(restart, with_code(3)));
    CHECK_FALSE(wants_another(restart, with_code(77)));
    Ending left = with_code(0);
    left.voluntary = true;
    CHECK_FALSE(wants_another(restart, left));
}

TEST_CASE("a start that failed at a step of the launcher is a failure, whatever its code says")
{
    Ending failed = with_code(0);
    failed.start_failure = "changing to user www: Operation not permitted";
    CHECK(wants_another(rules(RestartWhen::on_failure), failed));
}

TEST_CASE("the first restart is at once, the next ones wait longer and longer up to the cap")
{
    config::Backoff backoff;
    backoff.jitter = 0;
    CHECK(backoff_delay(backoff, 1, 0.5) == 0ms);
    CHECK(backoff_delay(backoff, 2, 0.5) == 100ms);
    CHECK(backoff_delay(backoff, 3, 0.5) == 200ms);
    CHECK(backoff_delay(backoff, 4, 0.5) == 400ms);
    CHECK(backoff_delay(backoff, 50, 0.5) == 30s);
    CHECK(backoff_delay(backoff, 100000, 0.5) == 30s);
}

TEST_CASE("jitter spreads a delay on both sides, and never above the cap")
{
    const config::Backoff backoff; // 25 %
    CHECK(backoff_delay(backoff, 2, 0.0) == 75ms);
    CHECK(backoff_delay(backoff, 2, 0.5) == 100ms);
    CHECK(backoff_delay(backoff, 2, 0.999) == 124ms);
    CHECK(backoff_delay(backoff, 60, 0.999) == 30s);
}

TEST_CASE("a healthy while forgives what was before")
{
    RestartHistory history;
    const config::Restart restart = rules(RestartWhen::always);
    const auto now = RestartHistory::Clock::now();
    CHECK(history.decide(restart, with_code(1), now, 0.5).delay == 0ms);
    CHECK(history.decide(restart, with_code(1), now + 1s, 0.5).delay == 100ms);
    Ending healthy = with_code(1);
    healthy.ready_for = 60s;
    CHECK(history.decide(restart, healthy, now + 62s, 0.5).delay == 0ms);
}

TEST_CASE("a spent budget ends as the spec says")
{
    const auto [then, verdict] = GENERATE(table<config::BudgetSpent, Verdict>({
        {config::BudgetSpent::slow, Verdict::again},
        {config::BudgetSpent::fail, Verdict::fail},
        {config::BudgetSpent::exit, Verdict::exit},
    }));
    config::Restart restart = rules(RestartWhen::always);
    restart.budget = {.restarts = 2, .within = 10s, .then = then};
    RestartHistory history;
    const auto now = RestartHistory::Clock::now();
    CHECK(history.decide(restart, with_code(1), now, 0.5).verdict == Verdict::again);
    CHECK(history.decide(restart, with_code(1), now + 1s, 0.5).verdict == Verdict::again);
    const RestartHistory::Decision third = history.decide(restart, with_code(1), now + 2s, 0.5);
    CHECK(third.verdict == verdict);
    if (verdict == Verdict::again)
        CHECK(third.delay == restart.backoff.max);

    SECTION("and is whole again when its window has passed")
    {
        CHECK(history.decide(restart, with_code(1), now + 20s, 0.5).verdict == Verdict::again);
    }
    SECTION("and when somebody starts it by hand")
    {
        history.forgive();
        CHECK(history.decide(restart, with_code(1), now + 3s, 0.5).delay == 0ms);
    }
}
