// SPDX-License-Identifier: MIT
// The client's end of the control socket, blocking. Every failure is an Answer as well: an exit
// code and a sentence that says what to do.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "ipc/control/answer.hpp"
#include "ipc/control/connection.hpp"
#include "ipc/control/deadline.hpp"
#include "ipc/control/protocol.hpp"

namespace ostler::control
{

class Client
{
public:
    using Clock = control::Clock;
    using Deadline = control::Deadline;

    [[nodiscard]] static std::variant<Client, Answer> connect(const std::string& path,
                                                              Deadline deadline = {});
    explicit Client(Connection connection) : connection_{std::move(connection)} {}

    struct Listening { // to what comes before the reply
        std::function<void(std::string_view text)> progress;
        std::function<void(const boost::json::object&)> line;
        std::function<void(const boost::json::object&)> event;
        std::function<void(Message&)> message;      // may take its handle
        std::function<void(os::UniqueFd)> returned; // what came along with the reply
    };
    // One request and its answer. After a timeout the daemon goes on with it all the same.
    [[nodiscard]] Answer request(std::string_view verb, boost::json::object arguments = {},
                                 Deadline deadline = {}, const Listening& listening = {});

    // The same with bytes, and perhaps a descriptor, that the request brings along.
    [[nodiscard]] Answer request(Message message, Deadline deadline = {},
                                 const Listening& listening = {});

private:
    [[nodiscard]] std::optional<Answer> send(Message message, Deadline deadline);
    [[nodiscard]] std::variant<Message, Answer> receive(Deadline deadline);
    [[nodiscard]] Answer await_reply(std::uint32_t number, Deadline deadline,
                                     const Listening& listening);

    Connection connection_;
    std::uint32_t last_request_ = 0;
};

} // namespace ostler::control
