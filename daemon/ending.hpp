// SPDX-License-Identifier: MIT
// How a worker ended, and the words for it.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "ipc/wire/keeper.hpp"

namespace ostler
{

struct Ending {
    std::optional<int> code;   // exit code
    std::optional<int> signal; // or the signal that killed it
    bool core_dumped = false;
    bool voluntary = false;    // it said that it leaves
    bool asked = false;        // we told it to go
    bool timed_out = false;    // it was ended because it did not become ready in time
    std::string ended_for;     // why we ended it unasked: "closed its channel"
    std::string start_failure; // "changing to user www: Operation not permitted"; then it never ran
    std::chrono::steady_clock::duration uptime{};
    std::chrono::steady_clock::duration ready_for{}; // how long it was ready
};

[[nodiscard]] Ending ending_from(const wire::keeper::Exited& exited);
[[nodiscard]] std::string
describe(const Ending& ending); // "exited with code 1", "killed by SIGSEGV, core dumped"
[[nodiscard]] const char* reason_of(const Ending& ending);       // the JSON's "reason"
[[nodiscard]] boost::json::object json_of(const Ending& ending); // as status and events have it
[[nodiscard]] std::string signal_name(int signal);               // "SIGTERM"

} // namespace ostler
