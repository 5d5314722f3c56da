// SPDX-License-Identifier: MIT
#include "ipc/channel/native_dialect.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "ipc/channel/packet_channel.hpp"
#include "ipc/os/packet.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::ipc
{
namespace
{

namespace native = wire::native;

constexpr std::size_t max_listeners = 64; // a worker

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
                  DialectEvents& events, os::UniqueFd ours, os::UniqueFd theirs)
        : identity_{std::move(identity)},
          page_{page},
          events_{events},
          theirs_{std::move(theirs)},
          channel_{std::move(executor), std::move(ours), *this}
    {
    }

    std::variant<Outfit, Refusal> outfit() override;
    void started() override { channel_.start(); }
    bool drain(std::chrono::milliseconds time) override;
    bool replace(const std::string& socket, os::FdRef fresh) override;
    void disconnect() override { channel_.shut_down(); }
    os::UniqueFd release() override { return channel_.release(); }

private:
    using Handler = void (NativeDialect::*)(std::uint32_t request, wire::Reader& body);
    struct Entry {
        native::Type type;
        bool before_hello; // legal as the first packet
        Handler handle;
    };
    static const std::array<Entry, 8> table;

    void received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                  bool cut) override;
    void ended() override { events_.disconnected(); }

    void on_hello(std::uint32_t request, wire::Reader& body);
    void on_listen(std::uint32_t request, wire::Reader& body);
    void on_ready(std::uint32_t request, wire::Reader& body);
    void on_drained(std::uint32_t request, wire::Reader& body);
    void on_leave(std::uint32_t request, wire::Reader& body);
    void on_close(std::uint32_t request, wire::Reader& body);
    void on_load(std::uint32_t request, wire::Reader& body);
    void on_message(std::uint32_t request, wire::Reader& body);

    void grant(std::uint32_t request, const std::string& socket, const Grant& given);
    void refuse_listen(std::uint32_t request, const Refusal& refusal);
    template <typename Message>
    void answer(std::uint32_t request, const Message& message, std::span<const int> lent = {});
    template <typename Message>
    [[nodiscard]] bool understood(wire::Reader& body, Message& message, const char* what);
    void cut_off(const std::string& sentence);

    Identity identity_;
    os::FdRef page_;
    DialectEvents& events_;
    os::UniqueFd theirs_; // until the worker has it
    PacketChannel channel_;
    bool greeted_ = false;
    std::uint32_t drain_request_ = 0;
    std::vector<std::string> listeners_; // by number; empty: closed
};

const std::array<NativeDialect::Entry, 8> NativeDialect::table{{
    {native::Type::hello, true, &NativeDialect::on_hello},
    {native::Type::listen, false, &NativeDialect::on_listen},
    {native::Type::ready, false, &NativeDialect::on_ready},
    {native::Type::drained, false, &NativeDialect::on_drained},
    {native::Type::leave, false, &NativeDialect::on_leave},
    {native::Type::close, false, &NativeDialect::on_close},
    {native::Type::load, false, &NativeDialect::on_load},
    {native::Type::message, false, &NativeDialect::on_message},
}};

std::variant<Outfit, Refusal> NativeDialect::outfit()
{
    Outfit outfit;
    outfit.env.emplace_back("OSTLER_CHANNEL_FD", std::to_string(native_channel_fd));
    outfit.descriptors.emplace_back(std::move(theirs_), native_channel_fd);
    return outfit;
}

void NativeDialect::received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                             bool cut)
{
    if (!fds.empty())
        events_.stray(std::move(fds));
    wire::Reader reader{packet};
    wire::Header header;
    if (cut || !wire::read_fields(reader, header))
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
    if (listen.by != static_cast<std::uint8_t>(native::ListenBy::name))
        return refuse_listen(
            request, {EOPNOTSUPP, "only sockets of the spec can be asked for, by their name"});
    if (listeners_.size() >= max_listeners)
        return refuse_listen(request, {EMFILE, "a worker may have at most 64 listeners"});
    const std::string socket{listen.what};
    const auto answered = events_.asked_for(socket);
    if (const Grant* given = std::get_if<Grant>(&answered))
        grant(request, socket, *given);
    else
        refuse_listen(request, std::get<Refusal>(answered));
}

void NativeDialect::grant(std::uint32_t request, const std::string& socket, const Grant& given)
{
    const native::Listening listening{
        .listener = static_cast<std::uint32_t>(listeners_.size()),
        .how = static_cast<std::uint8_t>(given.queue ? native::How::queue : native::How::socket),
        .datagram = given.datagram,
        .address = given.address};
    listeners_.push_back(socket);
    const int descriptor = given.descriptor.get();
    answer(request, listening, {&descriptor, 1});
    events_.said_listening(socket);
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
    if (close.listener < listeners_.size() && !listeners_[close.listener].empty())
        events_.said_closed(std::exchange(listeners_[close.listener], {}));
    answer(request, native::Closed{});
}

void NativeDialect::on_load(std::uint32_t, wire::Reader& body)
{
    native::Load load;
    if (understood(body, load, "load"))
        events_.said_load(load.busy_since, load.taken, load.done);
}

void NativeDialect::on_message(std::uint32_t request, wire::Reader&)
{
    answer(request, native::Refused{EOPNOTSUPP, "user messages are not built yet"});
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
                                             DialectEvents& events)
{
    os::UniqueFd ours;
    os::UniqueFd theirs;
    // The worker's end blocks or not as the worker likes: O_NONBLOCK is not shared between the two
    // ends.
    if (const int error = os::packet_pair(ours, theirs); error != 0) {
        errno = -error;
        return nullptr;
    }
    return std::make_unique<NativeDialect>(std::move(executor), std::move(identity), page, events,
                                           std::move(ours), std::move(theirs));
}

} // namespace ostler::ipc
