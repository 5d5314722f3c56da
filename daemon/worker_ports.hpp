// SPDX-License-Identifier: MIT
// The numbers of `ports` that somebody has already: a new worker gets a slot with others.
#pragma once

#include <unordered_set>

#include "config/spec.hpp"

namespace ostler
{

class TakenPorts
{
public:
    void take(unsigned number) { numbers_.insert(number); }
    void take(const config::Program& program, unsigned slot)
    {
        for (const config::Port& port : program.ports)
            take(number_of(port, slot));
    }
    // Whether that program can have all of its ports there.
    [[nodiscard]] bool leave(const config::Program& program, unsigned slot) const
    {
        for (const config::Port& port : program.ports)
            if (numbers_.contains(number_of(port, slot)))
                return false;
        return true;
    }

private:
    std::unordered_set<unsigned> numbers_;
};

} // namespace ostler
