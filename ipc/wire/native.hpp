// SPDX-License-Identifier: MIT
// The native protocol, version 1, between the master and one worker: docs/protocol.md is its prose.
// w→m and m→w say who sends it. Strings are views into the packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ipc/wire/bytes.hpp"

namespace ostler::wire::native
{

inline constexpr std::uint16_t version = 1;

// Limits that both ends hold.
inline constexpr std::size_t max_name = 64;          // of a pool, a socket, a library
inline constexpr std::size_t max_listeners = 64;     // of one worker
inline constexpr std::size_t max_address = 128;      // of a listen by address
inline constexpr std::size_t max_message = 16 << 20; // bytes of a user message
// Header flags of a user message that is longer than a packet.
inline constexpr std::uint16_t more_follows = 1; // it goes on in another packet
inline constexpr std::uint16_t continued = 2;    // it began in an earlier one: a header and bytes

enum class Type : std::uint16_t {
    hello = 1,
    welcome = 2,
    refused = 3,
    listen = 4,
    listening = 5,
    ready = 6,
    drain = 7,
    drained = 8,
    leave = 9,
    left = 10,
    replaced = 11,
    close = 12,
    closed = 13,
    resumed = 14,
    load = 15,
    message = 16,
    sent = 17,
    connection = 32, // travels in a queue, never in the channel
};

// w→m, a request, the first packet: which versions the worker speaks. This is "online".
struct Hello {
    static constexpr Type type = Type::hello;
    std::uint16_t lowest = version;
    std::uint16_t highest = version;
    std::uint32_t features = 0;
    std::string_view library; // for people: "libostler 0.1.0"
    void fields(auto&& visit) { visit(lowest), visit(highest), visit(features), visit(library); }
};

// m→w, the answer to hello; brings the page's descriptor.
struct Welcome {
    static constexpr Type type = Type::welcome;
    std::uint16_t version = native::version;
    std::uint32_t features = 0;
    std::uint64_t worker = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::string_view pool;
    std::string_view sockets; // names of the pool's sockets, separated by ':'
    void fields(auto&& visit)
    {
        visit(version), visit(features), visit(worker), visit(slot), visit(generation), visit(pool),
            visit(sockets);
    }
};

// m→w: the answer to a request that cannot be granted (hello of no common version, an unknown
// request). errno and a sentence.
struct Refused {
    static constexpr Type type = Type::refused;
    std::int32_t error = 0;
    std::string_view reason;
    void fields(auto&& visit) { visit(error), visit(reason); }
};

// w→m, a request: give me the socket of the spec by this name, or one at this address
// ("tcp://127.0.0.1:8080"). It stays the same when it is asked again after `resumed`.
enum class ListenBy : std::uint8_t { name = 0, address = 1 };
inline constexpr std::uint32_t listen_v6only = 1; // flag: an IPv6 address takes no IPv4
struct Listen {
    static constexpr Type type = Type::listen;
    std::uint8_t by = 0;
    std::uint32_t index = 0; // by address with port 0: which of the free ports
    std::uint32_t flags = 0;
    std::string_view what;
    void fields(auto&& visit) { visit(by), visit(index), visit(flags), visit(what); }
};
// Follows the fields of a listen by address.
struct ListenMore {
    std::uint32_t backlog = 0; // 0: ostlerd's usual one
    void fields(auto&& visit) { visit(backlog); }
};
struct ListenAt : Listen {
    ListenMore more;
    void fields(auto&& visit) { Listen::fields(visit), more.fields(visit); }
};

// m→w, the answer: brings the worker's end of a queue (connections arrive in it), or the listening
// socket itself.
enum class How : std::uint8_t { nothing = 0, queue = 1, socket = 2 };
struct Listening {
    static constexpr Type type = Type::listening;
    std::int32_t error = 0;     // 0, or an errno: the worker lives and may ask again
    std::uint32_t listener = 0; // its number from now on, in this worker
    std::uint8_t how = 0;
    std::uint8_t datagram = 0; // 1: a UDP socket, nothing to accept
    std::string_view address;  // as bound: "tcp://127.0.0.1:8080", "unix:/run/x.sock"
    std::string_view reason;   // with an error
    void fields(auto&& visit)
    {
        visit(error), visit(listener), visit(how), visit(datagram), visit(address), visit(reason);
    }
};

// w→m: fully started, for pools whose `ready` is `notify`. Said again after `resumed`; twice is
// once.
struct Ready {
    static constexpr Type type = Type::ready;
    void fields(auto&&) {}
};

// m→w, a request: take nothing new, finish what runs within `milliseconds`, then leave. Answered
// with drained as soon as the worker will take nothing more from its queues.
struct Drain {
    static constexpr Type type = Type::drain;
    std::uint32_t milliseconds = 0;
    void fields(auto&& visit) { visit(milliseconds); }
};
struct Drained {
    static constexpr Type type = Type::drained;
    void fields(auto&&) {}
};

// w→m, a request: I go of my own will. After `left` the worker closes the channel and ends.
struct Leave {
    static constexpr Type type = Type::leave;
    void fields(auto&&) {}
};
struct Left {
    static constexpr Type type = Type::left;
    void fields(auto&&) {}
};

// m→w: the listening socket that comes with this takes the place of the listener's old one, which
// was shut down.
struct Replaced {
    static constexpr Type type = Type::replaced;
    std::uint32_t listener = 0;
    void fields(auto&& visit) { visit(listener); }
};

// w→m, a request: I close this listener. What waits in its queue goes to others.
struct Close {
    static constexpr Type type = Type::close;
    std::uint32_t listener = 0;
    void fields(auto&& visit) { visit(listener); }
};
struct Closed {
    static constexpr Type type = Type::closed;
    void fields(auto&&) {}
};

// m→w: a new master took over. Ask again, with the same request ids, whatever has had no answer.
struct Resumed {
    static constexpr Type type = Type::resumed;
    void fields(auto&&) {}
};

// w→m: the page's values, from workers that cannot map it.
struct Load {
    static constexpr Type type = Type::load;
    std::uint64_t busy_since = 0;
    std::uint64_t taken = 0;
    std::uint64_t done = 0;
    void fields(auto&& visit) { visit(busy_since), visit(taken), visit(done); }
};

// Either way: what one program has to say to another; w→m it may be a request, answered with sent
// or refused. The rest of the packet is the body. One that is longer goes in parts: all but the
// last have `more_follows` in their header, and those after the first are a header and bytes. At
// most one descriptor, with the first part.
enum class To : std::uint8_t { controllers = 0, worker = 1, pool = 2, all = 3 };
enum class From : std::uint8_t { controller = 0, worker = 1 };
enum class Content : std::uint8_t { bytes = 0, json = 1 }; // json: a text in UTF-8
struct Message {
    static constexpr Type type = Type::message;
    std::uint8_t kind = 0; // w→m To, m→w From
    std::uint8_t content = 0;
    std::uint64_t worker = 0; // w→m whom it is for, m→w whom it is from
    std::string_view pool;
    void fields(auto&& visit) { visit(kind), visit(content), visit(worker), visit(pool); }
};

// m→w, the answer to a message that was a request: how many it went to.
struct Sent {
    static constexpr Type type = Type::sent;
    std::uint32_t recipients = 0;
    void fields(auto&& visit) { visit(recipients); }
};

// m→w in a queue, one to a packet, with the connection's descriptor. All have the same size, so
// that bytes waiting in a queue tell how many there are.
inline constexpr std::size_t max_peer = 128;
struct Connection {
    Header header{static_cast<std::uint16_t>(Type::connection), 0, 0};
    std::uint64_t id = 0;
    std::uint32_t peer_size = 0;
    std::uint32_t reserved = 0;
    unsigned char peer[max_peer] = {}; // the sockaddr that accept gave
};
static_assert(sizeof(Connection) == 152,
              "packets of at most 192 bytes wake the master when three or fewer wait");

} // namespace ostler::wire::native
