// SPDX-License-Identifier: MIT
// What waits until the peer reads, in order: packets of our own, and messages, which go in as many
// packets as they need. A message's body is shared by all who wait for it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipc/os/fd.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::ipc
{

class Outbox
{
public:
    struct Parcel {
        std::vector<std::byte> head;             // header and fields: how its first packet begins
        std::shared_ptr<const std::string> body; // what follows; null in packets of our own
        std::vector<os::UniqueFd> fds;           // go with the first packet
        std::size_t sent = 0;                    // of the body
        bool begun = false;
    };
    // What a waiting message costs, whatever it says.
    static constexpr std::size_t overhead = 256;

    [[nodiscard]] bool empty() const { return parcels_.empty(); }
    [[nodiscard]] std::size_t packets() const { return packets_; } // of our own
    [[nodiscard]] std::size_t bytes() const { return bytes_; }     // of messages
    [[nodiscard]] std::size_t handles() const { return handles_; } // of messages

    void add(Parcel parcel);
    // The packet to be sent now, and its descriptors.
    [[nodiscard]] os::TwoPieces next();
    [[nodiscard]] std::vector<int> lent() const;
    // It was. Gives what is not needed any more.
    [[nodiscard]] std::vector<os::UniqueFd> sent();
    // Nobody will read it. Gives all descriptors.
    [[nodiscard]] std::vector<os::UniqueFd> clear();

private:
    [[nodiscard]] std::size_t share(const Parcel& parcel) const; // of the body, in the next packet
    void count_out(const Parcel& parcel);

    std::deque<Parcel> parcels_;
    std::size_t packets_ = 0;
    std::size_t bytes_ = 0;
    std::size_t handles_ = 0;
};

} // namespace ostler::ipc
