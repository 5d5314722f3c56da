// SPDX-License-Identifier: MIT
// Many new connections, one request each, from a thread of its own: at a steady rate whatever the
// server does (open loop), or as many at a time as told (closed loop). Keeps what became of each.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/endpoint.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

// One request's fate.
struct Fate {
    std::uint64_t id = 0; // in its path: "/?id=17"
    Clock::time_point began;
    Clock::time_point ended;
    std::uint16_t port = 0; // ours: the worker sees it as the peer's
    int error = 0;          // errno; EPROTO for an answer cut short; 0: answered
    std::uint64_t worker = 0;
    pid_t pid = 0;
    [[nodiscard]] Milliseconds took() const
    {
        return std::chrono::duration_cast<Milliseconds>(ended - began);
    }
};

class Load
{
public:
    struct Settings {
        double per_second = 0;       // 0: closed loop
        unsigned at_a_time = 16;     // in a closed loop
        Milliseconds deadline = 10s; // of one request
        std::string path = "/";
    };
    Load(const Endpoint& server, const Settings& settings); // begins at once
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    [[nodiscard]] std::uint64_t answered() const { return answered_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }
    // Waits until that many more were answered.
    [[nodiscard]] bool flows(std::uint64_t more = 50) const;
    // Sends nothing new, waits for what is under way; every fate in the order of its end.
    std::vector<Fate> finish();

private:
    void work();
    Endpoint server_;
    Settings settings_;
    std::atomic<bool> ending_ = false;
    std::atomic<std::uint64_t> answered_ = 0, failed_ = 0;
    std::vector<Fate> fates_; // the thread's until it is joined
    std::thread thread_;
};

[[nodiscard]] std::vector<Fate> failures(const std::vector<Fate>& fates);
[[nodiscard]] std::map<std::uint64_t, std::size_t> shares(const std::vector<Fate>& fates);
// For a message: how many, and the first few.
[[nodiscard]] std::string describe(const std::vector<Fate>& failed);

} // namespace ostler::test
