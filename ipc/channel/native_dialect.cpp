// SPDX-License-Identifier: MIT
#include "ipc/channel/native_dialect.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "ipc/channel/incoming.hpp"
#include "ipc/channel/packet_channel.hpp"
#include "ipc/os/packet.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::ipc
{
namespace
{

namespace native = wire::native;

std::string joined(const std::vector<std::string>& names)
{
    std::string all;
    for (const std::string& name : names)
        all += (all.empty() ? "" : ":") + name;
    return all;
}

class NativeDialect final : public Dialect, PacketChannel::Listener
{
public:
    NativeDialect(boost::asio::any_io_executor executor, Identity identity, os::FdRef page,
                  MessageLimits limits, DialectEvents& events, os::UniqueFd ours,
                  os::UniqueFd theirs)
        : identity_{std::move(identity)},
          page_{page},
          limits_{limits},
          events_{events},
          theirs_{std::move(theirs)},
          incoming_{limits.longest},
          channel_{std::move(executor), std::move(ours), *this, {limits.waiting, limits.patience}}
    {
    }

    std::variant<Outfit, Refusal> outfit() override;
    void started() override { channel_.start(); }
    bool drain(std::chrono::milliseconds time) override;
    bool replace(const std::string& socket, os::FdRef fresh) override;
    Delivery deliver(const Sender& from, const Message& message) override;
    void disconnect() override { channel_.shut_down(); }
    os::UniqueFd release() override;

private:
    using Harm = PacketChannel::Harm;
    using Handler = void (NativeDialect::*)(std::uint32_t request, wire::Reader& body);
    struct Entry {
        native::Type type;
        bool before_hello; // legal as the first packet
        Handler handle;
    };
    static const std::array<Entry, 7> table;

    void received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                  Harm harm) override;
    void ended() override { events_.disconnected(); }
    void stalled() override { cut_off("does not read what it is sent"); }
    void spent(std::vector<os::UniqueFd> fds) override { events_.stray(std::move(fds)); }

    void on_hello(std::uint32_t request, wire::Reader& body);
    void on_listen(std::uint32_t request, wire::Reader& body);
    void on_ready(std::uint32_t request, wire::Reader& body);
    void on_drained(std::uint32_t request, wire::Reader& body);
    void on_leave(std::uint32_t request, wire::Reader& body);
    void on_close(std::uint32_t request, wire::Reader& body);
    void on_load(std::uint32_t request, wire::Reader& body);
    void on_message(Incoming::Part part);
    void pass_on(Incoming::Whole whole);
    [[nodiscard]] std::variant<unsigned, Refusal> outcome_of(Incoming::Whole& whole);

    void ask_at(std::uint32_t request, const native::Listen& listen, std::uint32_t backlog);
    void answer_listen(std::uint32_t request, const std::variant<Grant, Refusal>& answered);
    void grant(std::uint32_t request, const Grant& given);
    void refuse_listen(std::uint32_t request, const Refusal& refusal);
    template <typename Message>
    void answer(std::uint32_t request, const Message& message, std::span<const int> lent = {});
    template <typename Message>
    [[nodiscard]] bool understood(wire::Reader& body, Message& message, const char* what);
    void cut_off(const std::string& sentence);

    Identity identity_;
    os::FdRef page_;
    MessageLimits limits_;
    DialectEvents& events_;
    os::UniqueFd theirs_; // until the worker has it
    Incoming incoming_;   // the message that it is saying
    PacketChannel channel_;
    bool greeted_ = false;
    bool ended_ = false; // what it sent before it broke the protocol, and is still to be read
    std::uint32_t drain_request_ = 0;
    std::vector<std::string> listeners_; // by number; empty: free
    std::size_t listening_ = 0;          // numbers that are in use, or promised
};

const std::array<NativeDialect::Entry, 7> NativeDialect::table{{
    {native::Type::hello, true, &NativeDialect::on_hello},
    {native::Type::listen, false, &NativeDialect::on_listen},
    {native::Type::ready, false, &NativeDialect::on_ready},
    {native::Type::drained, false, &NativeDialect::on_drained},
    {native::Type::leave, false, &NativeDialect::on_leave},
    {native::Type::close, false, &NativeDialect::on_close},
    {native::Type::load, false, &NativeDialect::on_load},
}};

std::variant<Outfit, Refusal> NativeDialect::outfit()
{
    Outfit outfit;
    outfit.descriptors.push_back({.descriptor = std::move(theirs_), .variable = channel_variable});
    return outfit;
}

void NativeDialect::received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                             Harm harm)
{
    if (ended_)
        return events_.stray(std::move(fds));
    wire::Reader reader{packet};
    wire::Header header;
    const bool sound = harm != Harm::cut && wire::read_fields(reader, header);
    if (sound && greeted_ && header.type == static_cast<std::uint16_t>(native::Type::message))
        return on_message({header, reader, std::move(fds), harm == Harm::fds_lost});
    if (!fds.empty())
        events_.stray(std::move(fds));
    if (!sound)
        return cut_off("sent a packet that is too long or too short");
    const auto entry = std::find_if(table.begin(), table.end(), [&](const Entry& candidate) {
        return static_cast<std::uint16_t>(candidate.type) == header.type;
    });
    if (!greeted_ && (entry == table.end() || !entry->before_hello))
        return cut_off("did not begin with hello");
    if (entry != table.end()) // others: a newer worker; skipped
        (this->*entry->handle)(header.request, reader);
}

template <typename Message>
void NativeDialect::answer(std::uint32_t request, const Message& message, std::span<const int> lent)
{
    std::array<std::byte, wire::max_packet> buffer; // NOLINT: written by encode
    if (!channel_.send(wire::encode(buffer, message, request), lent))
        channel_.shut_down(); // gone, or it does not read
}

template <typename Message>
bool NativeDialect::understood(wire::Reader& body, Message& message, const char* what)
{
    if (wire::read_fields(body, message))
        return true;
    cut_off(std::string{"sent a torn packet: "} + what);
    return false;
}

void NativeDialect::cut_off(const std::string& sentence)
{
    if (std::exchange(ended_, true))
        return;
    channel_.shut_down();
    events_.misbehaved(sentence);
}

void NativeDialect::on_hello(std::uint32_t request, wire::Reader& body)
{
    native::Hello hello;
    if (!understood(body, hello, "hello"))
        return;
    if (hello.lowest > native::version || hello.highest < native::version) {
        answer(request,
               native::Refused{EPROTONOSUPPORT, "this ostlerd speaks version 1 of the protocol"});
        return cut_off("speaks versions " + std::to_string(hello.lowest) + " to " +
                       std::to_string(hello.highest) +
                       " of the protocol, this daemon speaks version 1");
    }
    const std::string sockets = joined(identity_.sockets);
    const native::Welcome welcome{.worker = identity_.worker,
                                  .slot = identity_.slot,
                                  .generation = identity_.generation,
                                  .pool = identity_.pool,
                                  .sockets = sockets};
    const int page = page_.get();
    answer(request, welcome, {&page, 1});
    if (!std::exchange(greeted_, true))
        events_.said_online(std::string{hello.library.substr(0, 64)});
}

void NativeDialect::on_listen(std::uint32_t request, wire::Reader& body)
{
    native::Listen listen;
    if (!understood(body, listen, "listen"))
        return;
    const bool at = listen.by == static_cast<std::uint8_t>(native::ListenBy::address);
    native::ListenMore more;
    if (at && !understood(body, more, "listen"))
        return;
    if (listening_ >= native::max_listeners)
        return refuse_listen(request, {EMFILE, "a worker may have at most 64 listeners"});
    if (at)
        return ask_at(request, listen, more.backlog);
    if (listen.by != static_cast<std::uint8_t>(native::ListenBy::name))
        return refuse_listen(request, {EOPNOTSUPP, "listen by name (0) or by address (1)"});
    ++listening_;
    answer_listen(request, events_.asked_for(std::string{listen.what}));
}

void NativeDialect::ask_at(std::uint32_t request, const native::Listen& listen,
                           std::uint32_t backlog)
{
    if (listen.what.size() > native::max_address)
        return refuse_listen(request, {EINVAL, "an address has at most 128 bytes"});
    ++listening_;
    const Wanted wanted{.address = std::string{listen.what},
                        .index = listen.index,
                        .v6only = (listen.flags & native::listen_v6only) != 0,
                        .backlog = backlog};
    events_.asked_for(wanted, [this, request](const std::variant<Grant, Refusal>& answered) {
        answer_listen(request, answered);
    });
}

void NativeDialect::answer_listen(std::uint32_t request,
                                  const std::variant<Grant, Refusal>& answered)
{
    if (const Grant* given = std::get_if<Grant>(&answered))
        return grant(request, *given);
    --listening_;
    refuse_listen(request, std::get<Refusal>(answered));
}

void NativeDialect::grant(std::uint32_t request, const Grant& given)
{
    auto place = std::find(listeners_.begin(), listeners_.end(), std::string{});
    if (place == listeners_.end())
        place = listeners_.insert(place, std::string{});
    const native::Listening listening{
        .listener = static_cast<std::uint32_t>(place - listeners_.begin()),
        .how = static_cast<std::uint8_t>(given.queue ? native::How::queue : native::How::socket),
        .datagram = given.datagram,
        .address = given.address};
    *place = given.socket;
    const int descriptor = given.descriptor.get();
    answer(request, listening, {&descriptor, 1});
    events_.said_listening(given.socket);
}

void NativeDialect::refuse_listen(std::uint32_t request, const Refusal& refusal)
{
    answer(request, native::Listening{.error = refusal.error, .reason = refusal.reason});
}

void NativeDialect::on_ready(std::uint32_t, wire::Reader&)
{
    events_.said_ready();
}

void NativeDialect::on_drained(std::uint32_t request, wire::Reader&)
{
    if (drain_request_ != 0 && request == drain_request_)
        events_.said_drained();
}

void NativeDialect::on_leave(std::uint32_t request, wire::Reader&)
{
    events_.said_leaving(); // before the answer: the worker may be gone a moment after it
    answer(request, native::Left{});
}

void NativeDialect::on_close(std::uint32_t request, wire::Reader& body)
{
    native::Close close;
    if (!understood(body, close, "close"))
        return;
    if (close.listener < listeners_.size() && !listeners_[close.listener].empty()) {
        --listening_;
        events_.said_closed(std::exchange(listeners_[close.listener], {}));
    }
    answer(request, native::Closed{});
}

void NativeDialect::on_load(std::uint32_t, wire::Reader& body)
{
    native::Load load;
    if (understood(body, load, "load"))
        events_.said_load(load.busy_since, load.taken, load.done);
}

// --- User messages. ---

void NativeDialect::on_message(Incoming::Part part)
{
    std::vector<os::UniqueFd> stray;
    const Incoming::Step step = incoming_.add(std::move(part), stray);
    if (!stray.empty())
        events_.stray(std::move(stray));
    if (step == Incoming::Step::torn)
        return cut_off("sent a torn message, or parts that do not belong together");
    if (step == Incoming::Step::whole)
        pass_on(incoming_.take());
}

void NativeDialect::pass_on(Incoming::Whole whole)
{
    const std::variant<unsigned, Refusal> outcome = outcome_of(whole);
    const Refusal* refusal = std::get_if<Refusal>(&outcome);
    if (refusal && whole.request == 0)
        events_.said_in_vain(*refusal);
    else if (refusal)
        answer(whole.request, native::Refused{refusal->error, refusal->reason});
    else if (whole.request != 0)
        answer(whole.request, native::Sent{std::get<unsigned>(outcome)});
}

std::variant<unsigned, Refusal> NativeDialect::outcome_of(Incoming::Whole& whole)
{
    if (!whole.refusal)
        return events_.said(whole.to, std::move(whole.message));
    if (whole.message.handle.valid()) {
        std::vector<os::UniqueFd> stray;
        stray.push_back(std::move(whole.message.handle));
        events_.stray(std::move(stray));
    }
    return *whole.refusal;
}

Delivery NativeDialect::deliver(const Sender& from, const Message& message)
{
    if (!greeted_ || ended_)
        return Delivery::gone;
    if (message.body->size() > limits_.longest)
        return Delivery::too_long;
    std::array<std::byte, 256> buffer; // NOLINT: written by encode
    const native::Message fields{.kind = static_cast<std::uint8_t>(from.from),
                                 .content = static_cast<std::uint8_t>(message.content),
                                 .worker = from.worker,
                                 .pool = from.pool};
    return channel_.send(wire::encode(buffer, fields), message.body, message.handle.borrow());
}

// What would be closed with it goes where closing may block.
os::UniqueFd NativeDialect::release()
{
    std::vector<os::UniqueFd> rest = channel_.unsent();
    rest.push_back(incoming_.abandon());
    events_.stray(std::move(rest));
    return channel_.release();
}

bool NativeDialect::drain(std::chrono::milliseconds time)
{
    if (!greeted_)
        return false;
    ++drain_request_;
    const auto longest = std::numeric_limits<std::uint32_t>::max();
    const auto shown =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, longest));
    answer(drain_request_, native::Drain{shown});
    return true;
}

bool NativeDialect::replace(const std::string& socket, os::FdRef fresh)
{
    const auto found = std::find(listeners_.begin(), listeners_.end(), socket);
    if (found == listeners_.end())
        return true; // closed in the meantime
    const int descriptor = fresh.get();
    answer(0, native::Replaced{static_cast<std::uint32_t>(found - listeners_.begin())},
           {&descriptor, 1});
    return true;
}

} // namespace

std::unique_ptr<Dialect> make_native_dialect(boost::asio::any_io_executor executor,
                                             Identity identity, os::FdRef page,
                                             MessageLimits limits, DialectEvents& events)
{
    os::UniqueFd ours;
    os::UniqueFd theirs;
    // The worker's end blocks or not as the worker likes: O_NONBLOCK is not shared between the two
    // ends.
    if (const int error = os::packet_pair(ours, theirs); error != 0) {
        errno = -error;
        return nullptr;
    }
    return std::make_unique<NativeDialect>(std::move(executor), std::move(identity), page, limits,
                                           events, std::move(ours), std::move(theirs));
}

} // namespace ostler::ipc
