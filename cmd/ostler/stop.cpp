// SPDX-License-Identifier: MIT
// `ostler stop`: returns when the daemon's keeper, the last of its processes, is gone.
#include <cerrno>
#include <cstring>
#include <iostream>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/ostler/verbs.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::cli
{
namespace
{

pid_t keeper_of(const control::Answer& status)
{
    return status.data.at("daemon").as_object().at("keeper_pid").to_number<pid_t>();
}

bool stopping_already(const control::Answer& status)
{
    return status.data.at("daemon").as_object().at("stopping").as_bool();
}

int stop_daemon(const Call& call)
{
    const auto deadline = call.deadline();
    const control::Answer status = ask(call, "status", {}, {}, patience);
    if (status.exit != exit_done)
        return fail(status.exit, status.message);
    const pid_t keeper = keeper_of(status);
    // Opened before the daemon hears of it, so that the number is still the keeper's.
    const os::UniqueFd pidfd{os::adopt, static_cast<int>(::syscall(SYS_pidfd_open, keeper, 0))};
    if (!pidfd.valid())
        return fail(exit_failed,
                    "cannot watch the daemon's end: " + std::string{std::strerror(errno)});
    if (stopping_already(status) && !call.has("now"))
        std::cerr << "it is stopping already; --now would not wait for what runs" << std::endl;
    const control::Answer answer = ask(call, "stop", {{"now", call.has("now")}}, {}, patience);
    if (answer.exit != exit_done)
        return fail(answer.exit, answer.message);
    pollfd end{pidfd.get(), POLLIN, 0};
    int count;
    do
        count = ::poll(&end, 1, control::remaining(deadline));
    while (count < 0 && errno == EINTR);
    if (count == 0)
        return fail(exit_timeout, "still stopping; `ostler status` shows what is left");
    std::cout << "stopped\n";
    return exit_done;
}

} // namespace

int run_stop(const Call& call)
{
    if (call.arguments.empty())
        return stop_daemon(call);
    return ask_and_print(call, "stop",
                         {{"pool", call.arguments.front()}, {"now", call.has("now")}});
}

} // namespace ostler::cli
