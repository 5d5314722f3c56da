// SPDX-License-Identifier: MIT
// The keeper: the parent of the master and of every worker. It starts what the master asks for,
// reaps, reports exits until they are acknowledged, forwards signals, relays notifications, and
// nurses the master; it decides nothing else. No heap, and it never waits for the master: what
// cannot be said now is said when there is room, derived again from the table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <sys/types.h>

#include "daemon/keeper/nurse.hpp"
#include "daemon/keeper/process.hpp"
#include "daemon/keeper/service_manager.hpp"
#include "daemon/keeper/table.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/wire/keeper.hpp"

namespace ostler::keeper
{

class Keeper
{
public:
    struct Parts {
        os::UniqueFd signals;  // a signalfd
        os::UniqueFd launcher; // opened, to be executed
        os::UniqueFd channel;  // our end
        pid_t master;
        Nurse nurse;
        ServiceManager manager;
    };
    Keeper(Table& table, Parts parts);

    // Until the master is gone and everything below us with it. The daemon's exit code.
    int run();

private:
    struct Packet;
    struct Handler;
    struct Answer {
        std::uint64_t worker;
        Started result;
    };

    void wait();
    void forward_signals();
    void reap();
    void listen();
    void care();
    void speak();

    bool take_packet();
    void handle(Packet& packet);
    void on_start(Packet& packet);
    void on_signal(Packet& packet);
    void on_acknowledge(Packet& packet);
    void on_notify(Packet& packet);
    void on_end(Packet& packet);
    void on_beat(Packet& packet);
    void answer(std::uint64_t worker, Started result);
    [[nodiscard]] Started start(std::uint64_t worker, Packet& packet);

    bool say_answer();
    bool say_exit(Worker& worker);
    int tell(std::span<const std::byte> packet, std::span<const int> lent = {});
    void lose_channel();
    [[nodiscard]] int exit_code() const;
    void explain() const;

    Table& table_;
    Parts parts_;
    std::optional<siginfo_t> master_end_;
    std::optional<int> said_code_; // of `end`
    // The answer to a start that there was no room for. Until it is said nothing more is read, so
    // there is never a second.
    std::optional<Answer> answer_;
    bool wants_room_ = false;
    bool beaten_ = false; // by a master that lived, once
};

} // namespace ostler::keeper
