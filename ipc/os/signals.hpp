// SPDX-License-Identifier: MIT
// What a program should find that we execute: every signal as the kernel made it. libc only.
#pragma once

#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

namespace ostler::os
{

// An ignored or blocked signal passes through exec; a parent's choice is not the program's.
inline void reset_signals()
{
    // The kernel's own call: libc keeps 32 and 33 to itself and refuses to reset them.
    struct {
        void (*handler)(int) = SIG_DFL;
        unsigned long flags = 0;
        void (*restorer)() = nullptr;
        unsigned long mask = 0;
    } const standard;
    for (int number = 1; number < NSIG; ++number) // the two that cannot be changed say so; fine
        ::syscall(SYS_rt_sigaction, number, &standard, nullptr, sizeof standard.mask);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace ostler::os
