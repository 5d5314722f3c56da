// SPDX-License-Identifier: MIT
// The test in the part of a service manager: hears what a daemon says by sd_notify.
#pragma once

#include <string>
#include <vector>

#include "ipc/os/fd.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

class NotifySocket
{
public:
    explicit NotifySocket(const std::string& path); // or '@' and an abstract name
    // Until this line has come ("READY=1"); what came before it stays in `heard`.
    [[nodiscard]] bool hears(const std::string& line, Milliseconds within = patience);
    [[nodiscard]] const std::vector<std::string>& heard(); // lines so far, in order

private:
    void collect();
    os::UniqueFd socket_;
    std::vector<std::string> lines_;
};

} // namespace ostler::test
