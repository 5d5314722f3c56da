// SPDX-License-Identifier: MIT
#include "daemon/control_session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <utility>

#include "daemon/with_deadline.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/os/packet.hpp"

namespace ostler
{
namespace
{

namespace asio = boost::asio;
using asio::awaitable;
using asio::posix::stream_descriptor;

awaitable<void> wait_for(stream_descriptor& socket, stream_descriptor::wait_type what)
{
    co_await socket.async_wait(what, asio::as_tuple(asio::use_awaitable));
}

os::FdRef borrow(stream_descriptor& socket)
{
    return os::FdRef{socket.native_handle()};
}

// What only looks may come every second, from a monitor.
spdlog::level::level_enum audit_level(const ControlCommand& command, bool refused)
{
    return command.role == control::Role::observe && !refused ? spdlog::level::debug
                                                              : spdlog::level::info;
}

// Null: the verb takes what came with it.
const char* not_carried(const ControlCommand& command, const control::Message& message,
                        std::size_t handles)
{
    using Carries = ControlCommand::Carries;
    if (command.carries == Carries::nothing && (message.bytes || handles != 0))
        return "this verb takes no bytes and no descriptor";
    if (command.carries == Carries::message && handles > 1)
        return "a message takes one descriptor";
    if (command.carries == Carries::descriptors && message.bytes)
        return "this verb takes no bytes";
    return nullptr;
}

Outcome not_permitted(const ControlCommand& command, control::Role needed, control::Role role)
{
    std::string sentence{command.verb};
    if (needed > command.role)
        sentence += " with a descriptor";
    sentence += std::string{" needs the role "} + control::name_of(needed);
    sentence += role == control::Role::none ? ", and you have none"
                                            : std::string{", and yours is "} + name_of(role);
    return {exit_not_permitted, sentence + ": see `control:` of the spec", {}};
}

} // namespace

ControlSession::ControlSession(asio::any_io_executor executor, os::UniqueFd connection, Peer peer,
                               std::shared_ptr<Operations> operations,
                               const ControlContext& context)
    : socket_{executor, connection.get()},
      peer_{std::move(peer)},
      context_{context},
      operations_{std::move(operations)},
      sent_{executor},
      writing_{executor},
      watching_{executor},
      changing_{executor}
{
    (void)connection.release(); // not before: registering it may throw
}

awaitable<void> ControlSession::run()
{
    co_await read();
    context_.reach.off_loop.close(std::exchange(handles_, {})); // of what is not finished
    hang_up();
    co_await watching_.stop();
    co_await writing_.stop();
    co_await changing_.wait_until_empty();
    for (Packet& packet : waiting_)
        context_.reach.off_loop.close(std::move(packet.handle));
}

void ControlSession::close()
{
    changing_.cancel();
    hang_up();
}

void ControlSession::end_requests()
{
    ended_ = true; // what lies in the socket can be read all the same
    if (connected())
        ::shutdown(socket_.native_handle(), SHUT_RD);
}

// Reading ends then, and with it run(). What was sent before still reaches the client. What it sent
// and nobody has read may hold descriptors whose closing blocks.
void ControlSession::hang_up()
{
    if (connected()) {
        ::shutdown(socket_.native_handle(), SHUT_RDWR);
        context_.reach.off_loop.close(os::UniqueFd{os::adopt, socket_.release()});
    }
    sent_.notify();
}

void ControlSession::refuse(int exit, std::string sentence)
{
    reply(control::connection_itself, {exit, std::move(sentence), {}});
    hang_up(); // what it asked for is finished without it
}

// One packet a turn of the loop, so that a client that floods us does not hold it.
awaitable<void> ControlSession::read()
{
    for (;;) {
        co_await until_roomy();
        const bool came = co_await readable();
        if (!came)
            refuse(exit_usage, "the rest of a request did not come in time");
        if (!came || !connected() || ended_ || !receive())
            co_return;
    }
}

// False where a request is begun, and nothing more of it comes for too long: what came with its
// first packet would be kept for ever.
awaitable<bool> ControlSession::readable()
{
    auto ready = wait_for(socket_, stream_descriptor::wait_read);
    if (assembler_.within())
        co_return co_await with_deadline(std::move(ready), Clock::now() + context_.patience);
    co_await std::move(ready);
    co_return true;
}

bool ControlSession::receive()
{
    std::array<std::byte, control::max_packet> buffer; // filled by the kernel
    os::Received got;
    std::vector<os::UniqueFd> handles(os::max_packet_fds); // all: what has no room is closed here
    const int result = os::receive_packet(borrow(socket_), buffer, handles, got);
    handles.resize(got.fds);
    if (result == -EAGAIN)
        return true;
    if (result <= 0) {
        context_.reach.off_loop.close(std::move(handles));
        return false;
    }
    const control::Role role = role_of(peer_, context_.access, context_.daemon_user);
    const bool kept = keep_handles(std::move(handles), role);
    if (got.cut || !kept) {
        refuse(exit_usage, "a packet is at most 64 KiB long, and a request brings its descriptors "
                           "with its first packet, at most 16");
        return false;
    }
    if (got.fds != 0 && peer_.scope &&
        context_.desk.holds(*peer_.scope) > ControllerDesk::most_descriptors) {
        refuse(exit_failed, "a controller has at most 128 descriptors in requests that are not "
                            "answered: wait for some of the answers");
        return false;
    }
    // What is attached may be long: not from everybody.
    assembler_.set_limit(control::max_request +
                         (role >= control::Role::operate ? control::max_attachment : 0));
    return take(std::span{buffer}.first(got.bytes));
}

// Of one whose request will be refused nothing is kept, as it may never be finished: their places
// say that they came.
bool ControlSession::keep_handles(std::vector<os::UniqueFd> handles, control::Role role)
{
    if (handles.empty())
        return true;
    if (assembler_.within() || handles.size() > control::max_handles) {
        context_.reach.off_loop.close(std::move(handles));
        return false;
    }
    if (role < control::Role::administer)
        for (os::UniqueFd& handle : handles)
            context_.reach.off_loop.close(std::move(handle));
    handles_ = std::move(handles);
    return true;
}

bool ControlSession::take(std::span<const std::byte> packet)
{
    using Fed = control::Assembler::Outcome;
    control::Message message;
    switch (assembler_.feed(packet, message)) {
    case Fed::message:
        start(message, handles_);
        context_.reach.off_loop.close(std::exchange(handles_, {})); // that nobody took
        return true;
    case Fed::unfinished:
        return true;
    case Fed::skipped:
        context_.reach.off_loop.close(std::exchange(handles_, {}));
        return true;
    case Fed::not_json:
        context_.reach.off_loop.close(std::exchange(handles_, {}));
        reply(message.request, {exit_usage, "a request is a JSON object with a \"verb\"", {}});
        return true;
    case Fed::broken:
        refuse(exit_usage, "this is no packet of the control protocol, or longer than 1 MiB");
        return false;
    }
    return false;
}

void ControlSession::start(control::Message& message, std::vector<os::UniqueFd>& handles)
{
    if (message.type != control::Type::request)
        return; // only we send the others
    last_request_ = Clock::now();
    const auto* verb = message.body.if_contains("verb");
    const ControlCommand* command =
        verb != nullptr && verb->is_string() ? find_control_command(verb->get_string()) : nullptr;
    if (command == nullptr)
        return reply(message.request, {exit_usage, "this daemon knows no such verb", {}});

    const control::Role role = role_of(peer_, context_.access, context_.daemon_user);
    const control::Role needed = handles.empty() ? command->role : control::Role::administer;
    const bool refused = role < needed;
    spdlog::log(audit_level(*command, refused), "control: {}{}  {} request={:.256}", command->verb,
                refused ? " refused" : "", to_string(peer_),
                boost::json::serialize(message.body)); // JSON: no control characters in it
    if (refused)
        return reply(message.request, not_permitted(*command, needed, role));
    if (const char* problem = not_carried(*command, message, handles.size()))
        return reply(message.request, {exit_usage, problem, {}});
    if (watching_.size() + changing_.size() >= most_requests)
        return reply(message.request,
                     {exit_failed, "too many requests at a time on this connection", {}});
    carry_out(*command, role, message, std::exchange(handles, {}));
}

void ControlSession::carry_out(const ControlCommand& command, control::Role role,
                               control::Message& message, std::vector<os::UniqueFd> handles)
{
    TaskGroup& group = command.alone == ControlCommand::Alone::ends ? watching_ : changing_;
    const ControlReach& all = context_.reach;
    ControlCall call{{*operations_, all.logs, all.events, all.post, all.off_loop},
                     *this,
                     context_.desk,
                     peer_.scope,
                     role,
                     message.request,
                     std::move(message.body),
                     std::move(message.bytes),
                     std::move(handles),
                     {}};
    Held held{under_way_, call.handles.size()};
    group.start("control " + std::string{command.verb},
                answer(std::move(call), std::move(held), command));
}

awaitable<void> ControlSession::answer(ControlCall call, Held, const ControlCommand& command)
{
    try {
        auto outcome = co_await command.run(call);
        reply(call.request, std::move(outcome), std::move(call.returned));
    } catch (...) { // cancelled, or a bug: either way there will be no reply
        hang_up();
        call.off_loop.close(std::move(call.handles));
        throw;
    }
    call.off_loop.close(std::move(call.handles));
}

void ControlSession::reply(std::uint32_t request, Outcome outcome, os::UniqueFd handle)
{
    control::Message message{control::Type::reply, request, {}, {}, std::move(handle)};
    message.body["exit"] = outcome.exit;
    message.body["message"] = outcome.message;
    for (auto& [key, value] : outcome.data)
        message.body.emplace(key, std::move(value)); // never in the place of those two
    send(std::move(message));
}

void ControlSession::send(control::Message message)
{
    if (!connected())
        return;
    auto packets = control::packets_of(message, control::max_reply);
    if (packets.empty())
        packets = control::packets_of(
            {control::Type::reply,
             message.request,
             {{"exit", exit_failed}, {"message", "the answer is longer than 16 MiB"}}},
            control::max_reply);
    for (auto& packet : packets) {
        waiting_bytes_ += packet.size();
        waiting_.push_back({std::move(packet), std::move(message.handle)}); // with the first
    }
    if (!writing_.empty() || send_waiting())
        return;
    writing_.start("control writer", write());
}

// True when nothing waits any more, also because the client is gone: reading tells that.
bool ControlSession::send_waiting()
{
    while (!waiting_.empty()) {
        Packet& packet = waiting_.front();
        const int fd = packet.handle.get();
        const std::span<const int> lent{&fd, packet.handle.valid() ? 1U : 0U};
        const int result =
            os::send_packet(borrow(socket_), std::as_bytes(std::span{packet.bytes}), lent);
        if (result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM)
            return false;
        context_.reach.off_loop.close(std::move(packet.handle));
        if (result == -ETOOMANYREFS)
            continue; // without its descriptor, which the JSON has promised
        waiting_bytes_ -= packet.bytes.size();
        waiting_.pop_front();
    }
    return true;
}

awaitable<void> ControlSession::write()
{
    while (connected() && !send_waiting()) {
        sent_.notify();
        auto room = wait_for(socket_, stream_descriptor::wait_write);
        const auto until = Clock::now() + context_.patience;
        if (!co_await with_deadline(std::move(room), until)) {
            spdlog::warn("control: a client that does not read is cut off  {}", to_string(peer_));
            hang_up();
            co_return;
        }
    }
    sent_.notify();
}

awaitable<void> ControlSession::until_roomy()
{
    co_await sent_.wait_until(Clock::time_point::max(),
                              [this] { return !crowded() || !connected(); });
}

} // namespace ostler
