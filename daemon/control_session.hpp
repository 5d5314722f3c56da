// SPDX-License-Identifier: MIT
// One connection to the control socket: requests in, replies out, several at a time. What the
// client does not read is bounded; who reads nothing for a while is cut off.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/condition.hpp"
#include "daemon/control_access.hpp"
#include "daemon/control_commands.hpp"
#include "daemon/task_group.hpp"

namespace ostler
{

// What every session needs; it outlives them.
struct ControlContext {
    ControlReach reach;
    ControllerDesk& desk;
    config::Control access; // changes with a reload, and counts from the next request on
    uid_t daemon_user = 0;
    std::chrono::steady_clock::duration patience = std::chrono::seconds{30}; // with slow readers
};

class ControlSession final : public ControlOutlet
{
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most_requests = 32;         // on their way at a time
    static constexpr std::size_t most_waiting = 1024 * 1024; // bytes, before lines get lost

    // `operations`: all that it may do.
    ControlSession(boost::asio::any_io_executor executor, os::UniqueFd connection, Peer peer,
                   std::shared_ptr<Operations> operations, const ControlContext& context);

    // Returns when the client is gone (or close() was called) and nothing of it is left.
    boost::asio::awaitable<void> run();

    // Ends it, commands on their way included; run() returns soon.
    void close();
    // Takes no more requests. What was asked is still done, and answered as far as it is by then.
    void end_requests();
    // Hangs up, and says why before to whoever still reads. Commands that change something go on.
    void refuse(int exit, std::string sentence);

    [[nodiscard]] const Peer& peer() const { return peer_; }
    [[nodiscard]] bool connected() const { return socket_.is_open(); }
    [[nodiscard]] bool idle() const { return watching_.empty() && changing_.empty(); }
    [[nodiscard]] Clock::time_point last_request() const { return last_request_; }
    // Descriptors that came with requests which are not answered yet.
    [[nodiscard]] std::size_t holds() const { return handles_.size() + under_way_; }

    void send(control::Message message) override;
    [[nodiscard]] bool crowded() const override { return waiting_bytes_ > most_waiting; }
    boost::asio::awaitable<void> until_roomy() override;

private:
    boost::asio::awaitable<void> read();
    boost::asio::awaitable<bool> readable();
    boost::asio::awaitable<void> write();
    class Held // counts descriptors until their request is answered
    {
    public:
        Held(std::size_t& all, std::size_t count) : all_{&all}, count_{count} { *all_ += count_; }
        Held(Held&& other) noexcept : all_{std::exchange(other.all_, nullptr)}, count_{other.count_}
        {
        }
        Held& operator=(Held&&) = delete;
        ~Held()
        {
            if (all_)
                *all_ -= count_;
        }

    private:
        std::size_t* all_;
        std::size_t count_;
    };
    boost::asio::awaitable<void> answer(ControlCall call, Held held, const ControlCommand& command);
    struct Packet {
        std::string bytes;
        os::UniqueFd handle;
    };
    [[nodiscard]] bool receive();
    [[nodiscard]] bool keep_handles(std::vector<os::UniqueFd> handles, control::Role role);
    [[nodiscard]] bool take(std::span<const std::byte> packet);
    // Takes the handles of a request that it carries out.
    void start(control::Message& request, std::vector<os::UniqueFd>& handles);
    void carry_out(const ControlCommand& command, control::Role role, control::Message& request,
                   std::vector<os::UniqueFd> handles);
    void reply(std::uint32_t request, Outcome outcome, os::UniqueFd handle = {});
    [[nodiscard]] bool send_waiting();
    void hang_up();

    boost::asio::posix::stream_descriptor socket_;
    Peer peer_;
    const ControlContext& context_;
    std::shared_ptr<Operations> operations_;
    control::Assembler assembler_{control::max_request};
    Clock::time_point last_request_ = Clock::now();
    bool ended_ = false;                // nothing more is read
    std::vector<os::UniqueFd> handles_; // of the request whose parts arrive
    std::size_t under_way_ = 0;         // descriptors of requests that are being carried out
    std::deque<Packet> waiting_;        // for which there was no room yet
    std::size_t waiting_bytes_ = 0;
    Condition sent_;
    TaskGroup writing_;  // at most one
    TaskGroup watching_; // requests that end with their client
    TaskGroup changing_; // requests that are finished without him
};

} // namespace ostler
