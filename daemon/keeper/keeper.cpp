// SPDX-License-Identifier: MIT
#include "daemon/keeper/keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <utility>

#include "daemon/keeper/clock.hpp"
#include "daemon/keeper/say.hpp"
#include "daemon/keeper/signals.hpp"
#include "daemon/keeper/sweep.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::keeper
{
namespace
{

constexpr int manager_retry_ms = 50;

} // namespace

Keeper::Keeper(Table& table, Parts parts) : table_{table}, parts_{std::move(parts)} {}

int Keeper::run()
{
    while (!master_end_) {
        wait();
        forward_signals();
        reap();
        listen();
        care();
        speak();
    }
    explain();
    lose_channel();
    const bool clean = sweep(table_, parts_.signals.borrow());
    const int code = exit_code();
    return code == exit_done && !clean ? exit_failed : code;
}

void Keeper::wait()
{
    const auto heard = static_cast<short>(answer_ ? 0 : POLLIN);
    const auto room = static_cast<short>(wants_room_ ? POLLOUT : 0);
    pollfd events[] = {
        {parts_.signals.get(), POLLIN, 0},
        {parts_.channel.get(), static_cast<short>(heard | room), 0},
    };
    int longest = parts_.nurse.wait(now());
    if (parts_.manager.waiting() && (longest < 0 || longest > manager_retry_ms))
        longest = manager_retry_ms;
    ::poll(events, std::size(events), longest);
    parts_.manager.retry();
}

void Keeper::forward_signals()
{
    while (const int number = take_signal(parts_.signals.borrow()))
        if (const int meant = meant_for_master(number))
            ::kill(parts_.master, meant);
        else if (number != SIGCHLD)
            say("signal %d (%s) means nothing to this daemon and is ignored", number,
                ::sigdescr_np(number));
}

void Keeper::reap()
{
    siginfo_t end;
    while (reap_one(table_, parts_.master, end))
        if (end.si_pid == parts_.master)
            master_end_ = end;
}

void Keeper::care()
{
    switch (parts_.nurse.due(now())) {
    case Care::nothing:
        break;
    case Care::abort:
        ::kill(parts_.master, SIGABRT);
        ::kill(parts_.master, SIGCONT);
        say("the master (pid %d) has not answered for five seconds: ending it", parts_.master);
        break;
    case Care::kill:
        ::kill(parts_.master, SIGKILL);
        if (said_code_)
            say("the master (pid %d) wanted to end and has not: killing it", parts_.master);
        break;
    }
}

void Keeper::lose_channel()
{
    parts_.channel.reset();
    parts_.nurse.lost(now());
}

// What the master said; or how it ended, where that says why: before its first beat (--version, a
// bad option, an interrupt), and by the codes that mean something.
int Keeper::exit_code() const
{
    constexpr int meaning[] = {exit_usage, exit_bug, exit_system, exit_not_permitted, exit_config};
    const bool exited = master_end_->si_code == CLD_EXITED;
    const int status = master_end_->si_status;
    if (said_code_)
        return *said_code_;
    if (!beaten_)
        return exited ? status : 128 + status;
    const bool means_something =
        exited && std::find(std::begin(meaning), std::end(meaning), status) != std::end(meaning);
    return means_something ? status : exit_failed;
}

void Keeper::explain() const
{
    const bool exited = master_end_->si_code == CLD_EXITED;
    const int status = master_end_->si_status;
    if (said_code_ || (exited && !beaten_))
        return; // as it should be, or it has said why itself
    char how[64];
    if (exited)
        std::snprintf(how, sizeof how, "exited with code %d", status);
    else
        std::snprintf(how, sizeof how, "was killed by signal %d (%s)", status,
                      ::sigdescr_np(status));
    if (beaten_)
        say("the master (pid %d) %s and takes its workers with it", parts_.master, how);
    else
        say("the master (pid %d) %s before it was ready", parts_.master, how);
}

} // namespace ostler::keeper
