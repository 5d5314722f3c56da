// SPDX-License-Identifier: MIT
// Puts a worker's messages together from their parts, and finds out which cannot be passed on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipc/channel/dialect.hpp"
#include "ipc/channel/message.hpp"
#include "ipc/wire/bytes.hpp"

namespace ostler::ipc
{

class Incoming
{
public:
    explicit Incoming(std::size_t longest) : longest_{longest} {}

    struct Part {
        const wire::Header& header;
        wire::Reader body;
        std::vector<os::UniqueFd> fds;
        bool fds_lost = false; // we had no room for them
    };
    struct Whole {
        std::uint32_t request = 0;
        Destination to;
        Message message;
        std::optional<Refusal> refusal; // it must not be passed on
    };
    enum class Step {
        more,  // the message goes on
        whole, // take() it
        torn,  // no message: the sender breaks the protocol
    };
    // Descriptors that nobody gets are put into `stray`.
    [[nodiscard]] Step add(Part part, std::vector<os::UniqueFd>& stray);
    [[nodiscard]] Whole take();
    // What the sender will not finish any more.
    [[nodiscard]] os::UniqueFd abandon() { return std::move(whole_.message.handle); }

private:
    [[nodiscard]] bool begin(Part& part, std::vector<os::UniqueFd>& stray);
    void adopt(std::vector<os::UniqueFd> fds, bool lost, std::vector<os::UniqueFd>& stray);
    void append(std::span<const std::byte> bytes);
    void make_room(std::size_t wanted);
    void refuse(int error, std::string reason);

    std::size_t longest_;
    bool going_on_ = false;
    Whole whole_;
    std::string text_;
};

} // namespace ostler::ipc
