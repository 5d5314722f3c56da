// SPDX-License-Identifier: MIT
// What workers say and can be told, whatever they speak: the same few events and commands for every
// protocol. A dialect turns them into packets, environment variables or nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ipc/channel/message.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::ipc
{

// Who the worker is, as it is told.
struct Identity {
    std::uint64_t worker = 0;
    unsigned slot = 0;
    unsigned generation = 0;
    std::string pool;
    std::vector<std::string> sockets; // that it may ask for, by name
};

// A socket that a worker asks for by its address.
struct Wanted {
    std::string address;     // as it was said; at most native::max_address bytes
    std::uint32_t index = 0; // with port 0: which of the free ports
    bool v6only = false;
    std::uint32_t backlog = 0; // 0: the usual one
};
// What a worker gets that asks for a socket: a descriptor (lent), and what it is.
struct Grant {
    std::string socket; // by this name it is spoken of from now on
    os::FdRef descriptor{-1};
    bool queue = false; // connections arrive in it one by one; else it is the socket itself
    bool datagram = false;
    std::string address;
};
struct Refusal {
    int error = 0; // errno
    std::string reason;
};

// What a worker said. Called from the loop, never from within a command.
class DialectEvents
{
public:
    virtual ~DialectEvents() = default;
    virtual void said_online(const std::string& library) = 0;
    virtual std::variant<Grant, Refusal>
    asked_for(const std::string& socket) = 0; // answered at once
    // Answered at once or later, but never when the dialect is gone.
    using Answer = std::function<void(std::variant<Grant, Refusal>)>;
    virtual void asked_for(const Wanted& wanted, Answer answer) = 0;
    virtual void said_listening(const std::string& socket) = 0; // after the answer was sent
    virtual void said_closed(const std::string& socket) = 0;
    virtual void said_ready() = 0;
    virtual void said_drained() = 0; // it will take nothing more
    virtual void said_leaving() = 0; // of its own will
    virtual void said_load(std::uint64_t busy_since, std::uint64_t taken, std::uint64_t done) = 0;
    // To how many it went.
    virtual std::variant<unsigned, Refusal> said(const Destination& to, Message message) = 0;
    // A message of its was refused, and it does not want to know.
    virtual void said_in_vain(const Refusal& refusal) = 0;
    virtual void disconnected() = 0;                          // the channel's end
    virtual void misbehaved(const std::string& sentence) = 0; // it broke the protocol: to be ended
    virtual void
    stray(std::vector<os::UniqueFd> descriptors) = 0; // unasked for; closing them may block
};

// A descriptor that a process is born with.
struct Passed {
    static constexpr int any = -1; // the lowest that is free, from 3 on

    os::UniqueFd descriptor;
    int number = any;
    std::string variable = {}; // of the environment, that says the number; empty: none
};
inline constexpr const char* channel_variable = "OSTLER_CHANNEL_FD";

// What the process must be started with.
struct Outfit {
    std::vector<std::pair<std::string, std::string>> env;
    std::vector<Passed> descriptors;
    bool listen_pid = false;
};

class Dialect
{
public:
    virtual ~Dialect() = default;
    // Before the start. May ask for sockets (asked_for), if they are passed at birth.
    [[nodiscard]] virtual std::variant<Outfit, Refusal> outfit() = 0;
    virtual void started() = 0; // from now on it may speak
    // Asks it to take nothing more and to finish within `time`. False: it cannot be told, a signal
    // must do.
    [[nodiscard]] virtual bool drain(std::chrono::milliseconds time) = 0;
    // The socket was bound anew. False: it cannot be told.
    [[nodiscard]] virtual bool replace(const std::string& socket, os::FdRef fresh) = 0;
    // The handle is lent.
    [[nodiscard]] virtual Delivery deliver(const Sender& from, const Message& message) = 0;
    virtual void disconnect() = 0; // ends the channel, if there is one
    // What must be closed where closing may block.
    [[nodiscard]] virtual os::UniqueFd release() = 0;
};

} // namespace ostler::ipc
