// SPDX-License-Identifier: MIT
// The workers that the keeper is the parent of, and the exits that the master has not acknowledged.
// This table alone says what exists. Of fixed size and all zero at first, so that it takes no
// memory before it is used.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <sys/types.h>

namespace ostler::keeper
{

// free → running → unsaid → said → free. Said becomes unsaid again (`repeated`) at each beat of a
// master that has not acknowledged: what was told to one that died is told to the next. Nobody can
// acknowledge what was never said.
enum class State : std::uint8_t { free = 0, running, unsaid, said, repeated };

struct Worker {
    std::uint64_t id = 0;
    pid_t pid = 0;
    std::int32_t code = 0; // si_code and si_status of its end
    std::int32_t status = 0;
    State state = State::free;
};

class Table
{
public:
    static constexpr std::size_t capacity = 8192;

    [[nodiscard]] Worker* find(std::uint64_t id); // in any state but free
    [[nodiscard]] Worker* find_running(pid_t pid);
    [[nodiscard]] bool full() const;
    void add(std::uint64_t id, pid_t pid); // running; not to be called when full
    bool ended(const siginfo_t& end);      // whether it was a worker's
    void said(Worker& worker) { worker.state = State::said; }
    [[nodiscard]] static bool to_say(const Worker& worker)
    {
        return worker.state == State::unsaid || worker.state == State::repeated;
    }
    void acknowledged(std::uint64_t id); // what was never said, and unknown ids: nothing to forget
    void repeat();                       // every said exit is to be said again
    void forget(std::uint64_t id);       // its exit will interest nobody

    [[nodiscard]] Worker* begin() { return workers_; }
    [[nodiscard]] Worker* end() { return workers_ + used_; }

private:
    Worker workers_[capacity];
    std::size_t used_ = 0; // none is in use from here on
};

} // namespace ostler::keeper
