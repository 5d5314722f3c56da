// SPDX-License-Identifier: MIT
// Which calls fail, and how. From the environment, read once when the library is loaded:
//   OSTLER_FAULT="accept4:3:EMFILE@master,sendmsg:5-7:EAGAIN,recvmsg:9:KILL@master"
// The third accept4 of programs called master fails with EMFILE; the ninth recvmsg kills it. "5+"
// means every one from the fifth on. OSTLER_FAULT_LOG names a file that is told of each failure, so
// that a test knows that its fault happened. libc alone; no exceptions.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace ostler::fault
{

inline constexpr std::size_t max_rules = 16;
inline constexpr int kill_instead = -1;

struct Rule {
    char function[32] = {};
    std::uint64_t from = 0, to = 0; // counted from 1
    int error = 0;                  // errno, or kill_instead
    std::atomic<std::uint64_t> calls{0};
};

class FaultPlan
{
public:
    // The rules for this program; a text that makes no sense ends it with status 64 and a sentence.
    FaultPlan();
    // 0, or the errno that this call has to fail with.
    [[nodiscard]] int verdict(const char* function);

private:
    void read(const char* text);
    void add(const char* rule, std::size_t size);
    void tell(const Rule& rule, std::uint64_t call) const;
    std::array<Rule, max_rules> rules_;
    std::size_t count_ = 0;
    const char* log_ = nullptr;
};

} // namespace ostler::fault
