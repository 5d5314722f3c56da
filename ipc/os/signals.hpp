// SPDX-License-Identifier: MIT
// What a program should find that we execute: every signal as the kernel made it. libc only.
#pragma once

#include <csignal>

namespace ostler::os
{

// An ignored or blocked signal passes through exec; a parent's choice is not the program's.
inline void reset_signals()
{
    struct sigaction standard {
    };
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &standard, nullptr); // the two that cannot be changed say so; fine
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace ostler::os
