// SPDX-License-Identifier: MIT
// The client's end of the control socket, blocking. Every failure is an Answer as well: an exit
// code and a sentence that says what to do.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ipc/control/protocol.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::control
{

struct Answer {
    int exit = 0;
    std::string message;
    boost::json::object data; // what the reply holds beside these two
};

class Client
{
public:
    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>; // nothing: as long as it takes

    [[nodiscard]] static std::variant<Client, Answer> connect(const std::string& path,
                                                              Deadline deadline = {});

    struct Listening { // to what comes before the reply
        std::function<void(std::string_view text)> progress;
        std::function<void(const boost::json::object&)> line;
        std::function<void(const boost::json::object&)> event;
        std::function<void(Message&)> message; // may take its handle
    };
    // One request and its answer. After a timeout the daemon goes on with it all the same.
    [[nodiscard]] Answer request(std::string_view verb, boost::json::object arguments = {},
                                 Deadline deadline = {}, const Listening& listening = {});

    // The same with bytes, and perhaps a descriptor, that the request brings along.
    [[nodiscard]] Answer request(Message message, Deadline deadline = {},
                                 const Listening& listening = {});

    // Milliseconds for poll(); -1: as long as it takes.
    [[nodiscard]] static int remaining(const Deadline& deadline);

private:
    Client(os::UniqueFd socket, std::string path);
    [[nodiscard]] std::optional<Answer> send(const Message& message, Deadline deadline);
    [[nodiscard]] std::variant<Message, Answer> receive(Deadline deadline);
    [[nodiscard]] Answer await_reply(std::uint32_t number, Deadline deadline,
                                     const Listening& listening);

    os::UniqueFd socket_;
    std::string path_;
    std::uint32_t last_request_ = 0;
    Assembler assembler_{max_reply + max_attachment};
    os::UniqueFd handle_; // of the message whose parts arrive
    std::vector<std::byte> buffer_;
};

} // namespace ostler::control
