// SPDX-License-Identifier: MIT
// Threads for jobs that may block: one more whenever all are at work, up to a limit, and few are
// kept when there is nothing to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace ostler
{

class Crew
{
public:
    using Job = std::function<void()>; // does not throw

    explicit Crew(unsigned most);
    // Waits for what is under way or queued, but not for ever: who is stuck ends with the process.
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    void add(Job job);
    [[nodiscard]] bool behind() const; // all are at work, and more waits

private:
    struct Shared;
    static void work(Shared& shared);
    void hire();

    std::shared_ptr<Shared> shared_; // with the threads, which may outlive us
};

} // namespace ostler
