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
    // Whether that program can have all of its ports there, each another.
    [[nodiscard]] bool leave(const config::Program& program, unsigned slot) const
    {
        std::unordered_set<unsigned> own;
        for (const config::Port& port : program.ports) {
            const unsigned number = number_of(port, slot);
            if (numbers_.contains(number) || !own.insert(number).second)
                return false;
        }
        return true;
    }

private:
    std::unordered_set<unsigned> numbers_;
};

} // namespace ostler
