// SPDX-License-Identifier: MIT
// The master's end of a channel in the hands of a test: says what the test tells it to say, however
// wrong, and shows what a worker said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ipc/os/fd.hpp"
#include "ipc/os/packet.hpp"
#include "ipc/wire/native.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

// Where a thread is not the test's own, Catch must not be used.
inline void need(bool so, const std::string& what)
{
    if (!so)
        throw std::runtime_error{"expected " + what};
}

// A packet that a worker sent. Messages with strings look into `bytes`.
struct Said {
    wire::Header header;
    std::vector<std::byte> bytes;
    os::UniqueFd fd; // with a user message

    template <typename Message>
    [[nodiscard]] Message as() const
    {
        need(header.type == static_cast<std::uint16_t>(Message::type),
             "a packet of another type than " + std::to_string(header.type));
        wire::Reader reader{bytes};
        wire::Header skipped;
        Message message;
        need(wire::read_fields(reader, skipped), "a header");
        need(wire::read_fields(reader, message), "the fields of its type");
        return message;
    }
    // What follows the fields of a user message, or the header of its later parts.
    [[nodiscard]] std::string body() const;
};

// The two ends of a queue. The master keeps both.
struct Queue {
    os::UniqueFd ours, workers;
    void shut_reading() const;
    // Passes the descriptor on in a well-formed packet.
    void pass(std::uint64_t id, os::FdRef connection, std::span<const std::byte> peer = {}) const;
    void send(std::span<const std::byte> bytes, std::span<const int> lent) const;
    [[nodiscard]] std::size_t waiting() const; // packets
};

class FakeMaster
{
public:
    FakeMaster();

    [[nodiscard]] int workers_end() const { return workers_.get(); }
    [[nodiscard]] int give_workers_end() { return workers_.release(); }
    void drop_workers_end() { workers_.reset(); } // somebody else has it now
    void close() { ours_.reset(); }

    template <typename Message>
    void send(const Message& message, std::uint32_t request = 0, os::FdRef lent = os::FdRef{-1})
    {
        std::vector<std::byte> space(wire::max_packet);
        send_bytes(wire::encode(space, message, request), lent);
    }
    void send_bytes(std::span<const std::byte> bytes, os::FdRef lent = os::FdRef{-1});
    // A part of a user message from worker 3 of pool "b"; waits for room.
    void send_part(const std::string& text, std::uint16_t flags = 0,
                   os::FdRef lent = os::FdRef{-1});

    // The worker's next packet; fails the test when none comes, or it is another.
    [[nodiscard]] Said hear();
    template <typename Message>
    std::pair<Message, std::uint32_t> hear_of_type()
    {
        last_ = hear();
        return {last_.as<Message>(), last_.header.request};
    }
    [[nodiscard]] bool silent() const; // nothing has come
    [[nodiscard]] bool ended();        // the worker closed its end, waiting for it

    // The usual answers.
    void welcome(const std::string& sockets = "web", std::uint64_t worker = 7);
    void grant(std::uint32_t request, std::uint32_t listener, wire::native::How how, os::FdRef fd,
               bool datagram = false);
    // Waits for `listen` and answers it with a new queue.
    Queue grant_queue(std::uint32_t listener = 1);

    [[nodiscard]] std::uint64_t page(std::size_t field) const; // 0 busy since, 1 taken, 2 done
    [[nodiscard]] os::FdRef page_descriptor() const { return page_.borrow(); }

private:
    os::UniqueFd ours_, workers_, page_;
    Said last_;
};

[[nodiscard]] Queue make_queue();

// Runs what blocks in a thread of its own, so that the test can answer it.
template <typename Call>
auto in_background(Call call)
{
    return std::async(std::launch::async, std::move(call));
}

} // namespace ostler::test
