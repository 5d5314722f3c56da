// SPDX-License-Identifier: MIT
#include "tests/fault/preload/fault_plan.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

namespace ostler::fault
{

namespace
{

struct Named {
    const char* name;
    int number;
};
constexpr Named errors[] = {
    {"EAGAIN", EAGAIN},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOMEM", ENOMEM},
    {"ENOBUFS", ENOBUFS},
    {"EINTR", EINTR},
    {"ECONNABORTED", ECONNABORTED},
    {"EPERM", EPERM},
    {"EACCES", EACCES},
    {"ENOSPC", ENOSPC},
    {"EIO", EIO},
    {"ETOOMANYREFS", ETOOMANYREFS},
    {"EPIPE", EPIPE},
    {"EADDRINUSE", EADDRINUSE},
    {"ENOENT", ENOENT},
    {"ECONNRESET", ECONNRESET},
    {"KILL", kill_instead},
};

int error_named(const char* name)
{
    for (const Named& one : errors)
        if (std::strcmp(one.name, name) == 0)
            return one.number;
    return 0;
}

} // namespace

FaultPlan::FaultPlan() : log_{std::getenv("OSTLER_FAULT_LOG")}
{
    if (const char* text = std::getenv("OSTLER_FAULT"))
        read(text);
}

void FaultPlan::read(const char* text)
{
    while (*text) {
        const std::size_t size = std::strcspn(text, ",");
        add(text, size);
        text += size + (text[size] == ',' ? 1 : 0);
    }
}

// function:from[-to|+]:ERROR[@program]
void FaultPlan::add(const char* rule, std::size_t size)
{
    char text[128] = {}, range[32] = {}, error[32] = {}, program[64] = {};
    std::memcpy(text, rule, size < sizeof text ? size : sizeof text - 1);
    Rule& into = rules_[count_ < max_rules ? count_ : max_rules - 1];
    const int parts =
        std::sscanf(text, "%31[^:]:%31[^:]:%31[^@]@%63s", into.function, range, error, program);
    char* rest = range;
    into.from = std::strtoull(range, &rest, 10);
    into.to = *rest == '+'   ? ~0ull
              : *rest == '-' ? std::strtoull(rest + 1, nullptr, 10)
                             : into.from;
    into.error = error_named(error);
    if (parts < 3 || into.from == 0 || into.error == 0) {
        std::fprintf(stderr, "OSTLER_FAULT makes no sense: %s\n", text);
        ::_exit(64);
    }
    if (parts == 3 || std::strcmp(program, program_invocation_short_name) == 0)
        ++count_;
}

int FaultPlan::verdict(const char* function)
{
    for (std::size_t i = 0; i < count_; ++i) {
        Rule& rule = rules_[i];
        if (std::strcmp(rule.function, function) != 0)
            continue;
        const std::uint64_t call = ++rule.calls;
        if (call < rule.from || call > rule.to)
            continue;
        tell(rule, call);
        if (rule.error == kill_instead)
            ::raise(SIGKILL);
        return rule.error;
    }
    return 0;
}

// By bare system calls: what libc offers for it may itself be told to fail.
void FaultPlan::tell(const Rule& rule, std::uint64_t call) const
{
    if (!log_)
        return;
    char line[96];
    const int size = std::snprintf(line, sizeof line, "%s %llu\n", rule.function,
                                   static_cast<unsigned long long>(call));
    const long file = ::syscall(SYS_openat, -100, log_, 02101 | 02000000, 0666); // create, append
    if (file < 0)
        return;
    ::syscall(SYS_write, file, line, static_cast<std::size_t>(size));
    ::syscall(SYS_close, file);
}

} // namespace ostler::fault
