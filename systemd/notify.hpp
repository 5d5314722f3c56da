// SPDX-License-Identifier: MIT
// What a daemon tells its service manager, as text (sd_notify's protocol). Pure: the keeper, whom
// the manager knows as the main process, sends it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace ostler::systemd
{

// The status is one line of `systemctl status`; newlines in it become spaces.
[[nodiscard]] std::string status(std::string_view sentence);
[[nodiscard]] std::string ready(std::string_view sentence);
[[nodiscard]] std::string stopping(std::string_view sentence);
// It will not be ready by itself. Service managers know no such thing and skip it; `ostler start`
// has waited long enough.
[[nodiscard]] std::string hopeless(std::string_view sentence);

// A reload begins; it ends with ready(). `now` is CLOCK_MONOTONIC: systemd 253 and later compare it
// with the time of their own request (Type=notify-reload).
[[nodiscard]] std::string reloading(std::chrono::microseconds now);

[[nodiscard]] std::string watchdog(); // the loop turns
// Starting, reloading or stopping may take this much longer from now on.
[[nodiscard]] std::string extend_timeout(std::chrono::microseconds longer);

// How often watchdog() is due, from WATCHDOG_USEC and WATCHDOG_PID (null: not set): half of the
// limit. Nothing when no watchdog is asked for, or of another process than `main_process`.
[[nodiscard]] std::optional<std::chrono::microseconds>
watchdog_interval(const char* usec, const char* pid, pid_t main_process);

} // namespace ostler::systemd
