// SPDX-License-Identifier: MIT
// Who is measured: ostlerd, the same workers without it, and Node's cluster. Each serves from its
// construction to its destruction.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/support/endpoint.hpp"

namespace ostler::bench
{

enum class Kind { bare, ostler_round_robin, ostler_shared, node_round_robin, node_none };
[[nodiscard]] std::string name_of(Kind kind);

struct Crew {
    unsigned workers = 4;
    bool first_blocks = false; // 20 ms with each request
};

class Contender
{
public:
    virtual ~Contender() = default;
    [[nodiscard]] virtual test::Endpoint endpoint() const = 0;
    // The processes that are not workers: one that distributes, and what else there is.
    [[nodiscard]] virtual std::optional<pid_t> master() const = 0;
    [[nodiscard]] virtual std::vector<pid_t> overhead() const = 0;
};

[[nodiscard]] std::unique_ptr<Contender> start(Kind kind, const Crew& crew);
extern const std::string node_program;
[[nodiscard]] bool node_is_there(); // ./dev bench installs it

} // namespace ostler::bench
