// SPDX-License-Identifier: MIT
// One call of the command line, read: the verb, what was given to it, and how to reach the daemon.
#pragma once

#include <boost/json/object.hpp>
#include <boost/program_options/variables_map.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ipc/control/client.hpp"

namespace ostler::cli
{

struct Call {
    boost::program_options::variables_map given;
    std::vector<std::string> arguments; // after the verb
    std::vector<std::string> command;   // after `--`

    [[nodiscard]] bool has(const char* option) const { return given.count(option) != 0; }
    [[nodiscard]] std::optional<std::string> text(const char* option) const;
    [[nodiscard]] bool json() const { return has("json"); }
    // --socket, $OSTLER_SOCKET or the default: where a daemon is to be.
    [[nodiscard]] std::string socket() const;
    [[nodiscard]] std::optional<std::string> named_socket() const; // without the default
    // From now on, by --timeout; `usual` where none is given.
    [[nodiscard]] control::Client::Deadline
    deadline(std::optional<std::chrono::milliseconds> usual = {}) const;
};

// Says it on stderr, as "ostler: SENTENCE", and gives the code back.
int fail(int code, const std::string& sentence);

// Asks the daemon and prints its sentence (or its whole reply with --json); progress goes to
// stderr.
int ask_and_print(const Call& call, const char* verb, boost::json::object arguments);
int ask_and_print(const Call& call, control::Message request);

// What a daemon that is well never needs for an answer it has at hand.
inline constexpr std::chrono::milliseconds patience = std::chrono::seconds{10};

// The same without printing anything. `usual`: how long to wait where the user says nothing.
[[nodiscard]] control::Answer ask(const Call& call, control::Message request,
                                  const control::Client::Listening& listening = {},
                                  std::optional<std::chrono::milliseconds> usual = {});
[[nodiscard]] control::Answer ask(const Call& call, const char* verb, boost::json::object arguments,
                                  const control::Client::Listening& listening = {},
                                  std::optional<std::chrono::milliseconds> usual = {});

} // namespace ostler::cli
