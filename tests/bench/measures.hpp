// SPDX-License-Identifier: MIT
// What is measured of a contender that serves.
#pragma once

#include <vector>

#include "tests/bench/contenders.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::bench
{

[[nodiscard]] double median(std::vector<double> values);

struct Throughput {
    double per_second = 0;
    double master_us = 0; // of CPU for each connection; 0 without a master
    double failed = 0;
};
[[nodiscard]] Throughput saturate(const Contender& contender, test::Milliseconds during);

struct Balance {
    double ratio = 0; // largest share to smallest
    double p50_ms = 0, p90_ms = 0, p99_ms = 0;
    double blocked_share = 0; // of the worker that blocks: the smallest
    double others_ratio = 0;  // among the others
};
// `per_second` 0: saturated. `crew`: how many shares there are, with none for who got nothing.
[[nodiscard]] Balance spread(const Contender& contender, double per_second,
                             test::Milliseconds during, unsigned workers);

// SIGKILL of the only worker to the answer of the next, and the requests that failed meanwhile.
struct Replacement {
    double ms = 0;
    double failed = 0;
};
[[nodiscard]] Replacement replace_killed(const Contender& contender);

[[nodiscard]] double pss_mib(const Contender& contender);

} // namespace ostler::bench
