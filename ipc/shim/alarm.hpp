// SPDX-License-Identifier: MIT
// A timerfd: makes the worker's descriptor readable at a moment when nothing arrives by itself.
#pragma once

#include <cerrno>
#include <cstdint>
#include <sys/timerfd.h>

#include "ipc/os/fd.hpp"

namespace ostler::shim
{

class Alarm
{
public:
    static constexpr std::uint64_t off = 0;
    static constexpr std::uint64_t at_once = 1; // a moment long past

    [[nodiscard]] int open()
    {
        fd_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        return fd_.valid() ? 0 : -errno;
    }
    [[nodiscard]] os::FdRef descriptor() const { return fd_.borrow(); }

    // Setting it takes back an alarm that went off, so it is never read.
    void set(std::uint64_t at_ns)
    {
        if (at_ns == at_)
            return;
        itimerspec when{};
        when.it_value.tv_sec = static_cast<time_t>(at_ns / 1'000'000'000);
        when.it_value.tv_nsec = static_cast<long>(at_ns % 1'000'000'000);
        ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
        at_ = at_ns;
    }

private:
    os::UniqueFd fd_;
    std::uint64_t at_ = off;
};

} // namespace ostler::shim
