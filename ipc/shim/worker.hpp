// SPDX-License-Identifier: MIT
// A worker's membership in its pool: what it asks of the master (asking.cpp) and is told by it
// (hearing.cpp), the messages it exchanges with others (talking.cpp), how it goes (leaving.cpp),
// what it tells the program (events.cpp), and what it watches for all that (watching.cpp). The C
// functions of ostler.h are thin around it.
#pragma once

#include <cstdint>

#include "ipc/shim/alarm.hpp"
#include "ipc/shim/channel.hpp"
#include "ipc/shim/identity.hpp"
#include "ipc/shim/inbox.hpp"
#include "ipc/shim/listener.hpp"
#include "ipc/shim/load.hpp"
#include "ipc/shim/ostler.h"
#include "ipc/shim/outgoing.hpp"
#include "ipc/shim/poller.hpp"
#include "ipc/shim/requests.hpp"
#include "ipc/shim/room.hpp"

namespace ostler::shim
{

class Worker
{
public:
    explicit Worker(os::UniqueFd channel) : channel_{static_cast<os::UniqueFd&&>(channel)} {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    // The conversation. All return 0 or a negative errno.
    [[nodiscard]] int join(Deadline deadline);
    [[nodiscard]] int listen(const char* name, Deadline deadline, std::uint32_t& listener);
    [[nodiscard]] int listen_at(const ostler_address& where, Deadline deadline,
                                std::uint32_t& listener);
    [[nodiscard]] int close_listener(std::uint32_t listener);
    [[nodiscard]] int ready();
    [[nodiscard]] int send(const ostler_message& message, int timeout_ms);
    [[nodiscard]] int leave(Deadline deadline);
    [[nodiscard]] int disconnect();
    [[noreturn]] int kill();
    [[nodiscard]] bool connected() const { return !over(); }
    [[nodiscard]] int exited_after_disconnect() const;
    [[nodiscard]] const Identity& identity() const { return identity_; }
    [[nodiscard]] const char* reason() const { return reason_; }

    // Events.
    [[nodiscard]] int next(ostler_event& event, int timeout_ms);
    [[nodiscard]] int done();
    [[nodiscard]] int poll_fd();
    [[nodiscard]] int attach(os::FdRef epoll, std::uint64_t mark);
    void busy();
    void idle();

    [[nodiscard]] const Listener* find(std::uint32_t number) const;
    [[nodiscard]] int lend(std::uint32_t number);

private:
    // Where the worker is in its life. From `told_to_drain` on it takes no connections.
    enum class Phase : std::uint8_t {
        serving,
        told_to_drain, // the program has not heard of it yet
        draining,
        stopped,       // the program has been told to end
        leaving,       // by its own will
        disconnecting, // … as soon as its connections are done
        left,
        gone, // the master is
    };
    void enter(Phase phase);
    [[nodiscard]] bool over() const { return phase_ == Phase::left || phase_ == Phase::gone; }

    // Conversation.
    [[nodiscard]] int ask(Request* request, Deadline deadline);
    [[nodiscard]] int put(const Request& request, Deadline deadline);
    [[nodiscard]] int await_answer(Request& request, Deadline deadline);
    [[nodiscard]] int hear();
    void dispatch(Packet& packet);
    void on_welcome(Packet& packet);
    void on_refused(Packet& packet);
    void on_listening(Packet& packet);
    void on_drain(Packet& packet);
    void on_left(Packet& packet);
    void on_replaced(Packet& packet);
    void on_closed(Packet& packet);
    void on_resumed(Packet& packet);
    void on_message(Packet& packet);
    void on_sent(Packet& packet);
    [[nodiscard]] int refusal(std::int32_t error, std::string_view reason);
    [[nodiscard]] int listen(const Wish& wish, Deadline deadline, std::uint32_t& listener);
    [[nodiscard]] std::uint32_t free_index(const Wish& wish);
    [[nodiscard]] int listen_alone(const Wish& wish, std::uint32_t& listener);
    [[nodiscard]] Listener* free_place();
    void settle_in(Listener& place);
    void shut_own();
    [[nodiscard]] int adopt(const wire::native::Listening& message, const Wish& wish,
                            os::UniqueFd fd);
    void give_back(std::uint32_t number);

    // Messages and leaving.
    [[nodiscard]] int try_send(const ostler_message& message, Deadline deadline);
    [[nodiscard]] int send_rest(Deadline deadline);
    void watch_for_room();
    [[nodiscard]] bool give_message(ostler_event& event);
    void forget_shown();
    void end_channel();

    // Sources.
    [[nodiscard]] int look(ostler_event& event, Deadline deadline);
    [[nodiscard]] int wait(Deadline deadline);
    [[nodiscard]] bool give_owed(ostler_event& event);
    [[nodiscard]] bool give_ready(ostler_event& event);
    [[nodiscard]] bool give_from(std::uint32_t place, ostler_event& event);
    void give_connection(const Listener& from, Taken taken, ostler_event& event);
    [[nodiscard]] bool channels_turn();
    [[nodiscard]] std::uint32_t pick();
    void forget_readable();
    [[nodiscard]] bool finished() const;
    void pause();
    void resume_if_room();
    void watch_sources();
    [[nodiscard]] int watch(std::uint32_t place);
    void unwatch(std::uint32_t place);
    void set_alarm();
    [[nodiscard]] bool owes() const; // something to the program, or to itself
    void runs_its_own_loop();
    Listener* find(std::uint32_t number);

    static constexpr std::uint32_t places = wire::native::max_listeners;
    static constexpr std::uint64_t channel_mark = places; // in epoll: places, then these two
    static constexpr std::uint64_t alarm_mark = places + 1;
    static constexpr std::uint64_t bit(std::uint32_t place) { return std::uint64_t{1} << place; }

    Channel channel_;
    Requests requests_;
    Identity identity_;
    Load load_;
    Room room_;
    Poller poller_;
    Alarm alarm_;
    Inbox inbox_;
    Outgoing outgoing_;
    Letter* shown_ = nullptr; // lent to the program until it asks for the next event
    Listener listeners_[places];

    Phase phase_ = Phase::serving;
    std::uint64_t drain_until_ = 0; // ns; 0: no hurry
    bool going_ = false;            // somebody wanted us to go, ourselves included
    std::uint32_t leave_ = 0;       // disconnecting: what ostlerd has not answered yet
    bool watches_for_room_ = false;
    bool said_ready_ = false;
    bool own_loop_ = false; // the program's: it says busy and idle itself
    bool paused_ = false;   // for want of descriptors
    std::uint64_t accepted_ = 0;

    std::uint64_t watched_ = 0;  // a bit a place: epoll knows of it,
    std::uint64_t readable_ = 0; // is to be read,
    std::uint64_t replaced_ = 0; // was replaced and the program has to be told
    bool channel_readable_ = false;
    std::uint32_t last_place_ = 0; // where the last connection came from
    unsigned turns_ = 0;
    os::UniqueFd retired_; // what a lent socket was before: the program has a moment to forget it
    char reason_[256] = {};
};

} // namespace ostler::shim
