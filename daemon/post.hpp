// SPDX-License-Identifier: MIT
// Carries messages between workers, and between workers and controllers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "daemon/off_loop.hpp"
#include "ipc/channel/dialect.hpp"

namespace ostler
{

class Post
{
public:
    // A worker that can be told something.
    class Mailbox
    {
    public:
        virtual ~Mailbox() = default;
        [[nodiscard]] virtual ipc::Delivery deliver(const ipc::Sender& from,
                                                    const ipc::Message& message) = 0;
    };

    // A worker as its messages show it.
    struct Author {
        std::uint64_t worker = 0;
        unsigned slot = 0;
        std::string pool;
    };
    // Who hears what workers say to controllers. Called from the loop; may unsubscribe itself.
    class Subscriber
    {
    public:
        virtual ~Subscriber() = default;
        // The handle, if there is one, is lent: duplicate what you keep. JSON is not checked.
        // `gone`: not of interest.
        [[nodiscard]] virtual ipc::Delivery heard(const Author& from,
                                                  const ipc::Message& message) = 0;
    };

    using Outcome = std::variant<unsigned, ipc::Refusal>; // how many got it

    explicit Post(OffLoop& off_loop) : off_loop_{off_loop} {}

    void open(const Author& owner, Mailbox& mailbox); // twice is once
    void close(std::uint64_t worker);

    void subscribe(Subscriber& subscriber);
    void unsubscribe(Subscriber& subscriber);

    // From a worker. The handle is closed where that may block.
    [[nodiscard]] Outcome carry(const Author& from, const ipc::Destination& to,
                                ipc::Message message);
    // From a controller, to a worker, a pool, or all workers; the handle is lent.
    [[nodiscard]] Outcome send_to(const ipc::Destination& to, const ipc::Message& message);

    // Handles that were for controllers while nobody listened.
    [[nodiscard]] std::uint64_t lost_handles() const { return lost_handles_; }

private:
    struct Box {
        std::string pool;
        Mailbox* mailbox;
    };
    [[nodiscard]] Outcome tell_subscribers(const Author& from, const ipc::Message& message);
    [[nodiscard]] Outcome distribute(const ipc::Sender& from, const ipc::Destination& to,
                                     const ipc::Message& message);
    [[nodiscard]] std::vector<Mailbox*> boxes_of(const ipc::Sender& from,
                                                 const ipc::Destination& to) const;

    OffLoop& off_loop_;
    std::map<std::uint64_t, Box> boxes_; // by worker
    std::vector<Subscriber*> subscribers_;
    std::uint64_t lost_handles_ = 0;
};

} // namespace ostler
