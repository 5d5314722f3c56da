// SPDX-License-Identifier: MIT
// A client's connection to the control socket: messages out as far as there is room, messages in as
// they come. It never waits; who does polls its socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ipc/control/answer.hpp"
#include "ipc/control/deadline.hpp"
#include "ipc/control/protocol.hpp"
#include "ipc/os/fd.hpp"

namespace ostler::control
{

class Connection
{
public:
    // Connecting may take until the deadline; an Answer says why there is no connection.
    [[nodiscard]] static std::variant<Connection, Answer> connect(const std::string& path,
                                                                  Deadline deadline = {});
    // One that is open already; `name` stands for its path in sentences.
    Connection(os::UniqueFd socket, std::string name);

    // Takes the message for send(). False: it is too long.
    [[nodiscard]] bool post(Message message);
    // Sends what there is room for. Perhaps a request that did not go, and will not: the kernel has
    // too many descriptors on their way. Then call again.
    using NotSent = std::optional<std::uint32_t>;
    [[nodiscard]] NotSent send();
    [[nodiscard]] std::size_t waiting() const { return waiting_bytes_; } // for room

    enum class Heard {
        message,
        nothing, // yet
        gone,    // the other end has closed: nothing more will come
        foreign, // it does not speak our protocol
    };
    [[nodiscard]] Heard hear(Message& message);

    [[nodiscard]] os::FdRef socket() const { return socket_.borrow(); }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Answer foreign() const; // the sentence for that

private:
    struct Packet {
        std::uint32_t request;
        std::string bytes;
        std::vector<os::UniqueFd> handles;
    };
    [[nodiscard]] NotSent drop(std::uint32_t request);
    void give_up();

    os::UniqueFd socket_;
    std::string name_;
    std::deque<Packet> waiting_;
    std::size_t waiting_bytes_ = 0;
    Assembler assembler_{max_reply + max_attachment};
    os::UniqueFd handle_; // of the message whose parts arrive
    std::vector<std::byte> buffer_;
};

} // namespace ostler::control
