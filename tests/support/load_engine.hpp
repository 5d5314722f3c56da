// SPDX-License-Identifier: MIT
// The machinery of Load and of the benchmark: one epoll set, a flight for each request under way.
// As lean as a client can be, so that it measures the server and not itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ipc/os/fd.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/load.hpp"

namespace ostler::test
{

class LoadEngine
{
public:
    // Called with each request's fate.
    using Ended = std::function<void(const Fate&)>;
    LoadEngine(const Endpoint& server, Load::Settings settings, Ended ended);

    // Goes on until `enough` says so and nothing is under way.
    void run(const std::function<bool()>& enough);

private:
    struct Flight {
        os::UniqueFd socket;
        Fate fate;
        Clock::time_point deadline;
        bool asked = false;
        std::size_t received = 0;
        char buffer[1024];
    };
    using Place = std::size_t; // in flights_

    void launch_due(Clock::time_point now);
    void launch(Clock::time_point now);
    Place free_place();
    void connect(Place place);
    void ask(Place place);
    void hear(Place place);
    void on(Place place, std::uint32_t events);
    void end(Place place, int error);
    void end_overdue(Clock::time_point now);
    [[nodiscard]] std::chrono::nanoseconds next_wait(Clock::time_point now) const;

    Endpoint server_;
    Load::Settings settings_;
    Ended ended_;
    os::UniqueFd epoll_;
    std::vector<std::unique_ptr<Flight>> flights_;
    std::vector<Place> free_;
    std::size_t under_way_ = 0;
    std::uint64_t next_id_ = 1;
    Clock::time_point next_launch_;
    Clock::time_point next_check_;
    bool closing_ = false;
};

} // namespace ostler::test
