// SPDX-License-Identifier: MIT
// The sockets that our service manager has passed to the daemon, by name. They stay open for the
// daemon's life, named by the spec or not: who else could open them again?
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "ipc/os/fd.hpp"

namespace ostler
{

class InheritedSockets
{
public:
    InheritedSockets() = default;
    // What the keeper lets us inherit. At start only.
    [[nodiscard]] static InheritedSockets from_keeper();

    // Lent, or why not, in a sentence.
    [[nodiscard]] std::variant<os::FdRef, std::string> find(const std::string& name) const;
    // The name of the one that has this number in the manager's count, which begins with 3. Empty:
    // there is none.
    [[nodiscard]] std::string name_of(int number) const;
    [[nodiscard]] std::vector<std::string> names() const;

private:
    struct Passed {
        std::string name;
        os::UniqueFd fd;
    };
    std::vector<Passed> passed_; // in the manager's order
};

} // namespace ostler
