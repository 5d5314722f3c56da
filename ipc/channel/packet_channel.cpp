// SPDX-License-Identifier: MIT
#include "ipc/channel/packet_channel.hpp"

#include <array>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "ipc/os/packet.hpp"
#include "ipc/wire/bytes.hpp"

namespace ostler::ipc
{
namespace
{

// So that one who floods us does not hold the loop.
constexpr int packets_per_turn = 64;
constexpr int batches_per_turn = packets_per_turn / os::PacketBatch::most;

constexpr auto shortage_pause = std::chrono::milliseconds{20};

// Nothing tells when these have passed.
bool is_shortage(int result)
{
    return result == -ETOOMANYREFS || result == -ENOBUFS || result == -ENOMEM;
}

PacketChannel::Harm harm_of(const os::Received& got)
{
    using Harm = PacketChannel::Harm;
    return got.too_long ? Harm::cut : got.cut ? Harm::fds_lost : Harm::none;
}

// One for all channels of a loop: each is read until it is empty.
class SharedBatch final : public boost::asio::execution_context::service
{
public:
    static inline boost::asio::execution_context::id id;
    explicit SharedBatch(boost::asio::execution_context& context)
        : boost::asio::execution_context::service{context}
    {
    }
    [[nodiscard]] static os::PacketBatch& of(const boost::asio::any_io_executor& executor)
    {
        return *boost::asio::use_service<SharedBatch>(
                    boost::asio::query(executor, boost::asio::execution::context))
                    .batch_;
    }

private:
    void shutdown() override {}
    std::unique_ptr<os::PacketBatch> batch_{new os::PacketBatch}; // not zeroed: see there
};

os::UniqueFd copy_of(int fd)
{
    return os::UniqueFd{os::adopt, ::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
}

} // namespace

PacketChannel::PacketChannel(boost::asio::any_io_executor executor, os::UniqueFd socket,
                             Listener& listener, Limits limits)
    : socket_{executor, socket.get()},
      listener_{listener},
      batch_{SharedBatch::of(executor)},
      limits_{limits},
      patience_{executor},
      shortage_{executor}
{
    (void)socket.release(); // not before: registering it may throw
}

void PacketChannel::start()
{
    wait_to_read();
}

void PacketChannel::wait_to_read()
{
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       alive_.guard([this](boost::system::error_code error) {
                           if (!error)
                               read_some();
                       }));
}

void PacketChannel::read_some()
{
    for (int turn = 0; open_ && turn < batches_per_turn; ++turn) {
        const int result = read_batch();
        if (result == -EAGAIN || result == 0)
            break;
        // It closed without reading all of ours; what it sent before is still there.
        if (result < 0 && result != -ECONNRESET)
            return end();
    }
    if (open_)
        wait_to_read();
}

// What one system call gives. 1: there may be more; 0: there is no more now; or a negative errno,
// -EPIPE for the end. The batch serves other channels too: nothing stays in it.
int PacketChannel::read_batch()
{
    std::vector<os::UniqueFd> unwanted;
    int result = 1;
    unsigned count = 0;
    do {
        Incoming packet;
        result = take_packet(packet);
        if (result == 1 && open_)
            listener_.received(packet.bytes, std::move(packet.fds), packet.harm);
        else // the listener had enough of it, or it is the end
            std::move(packet.fds.begin(), packet.fds.end(), std::back_inserter(unwanted));
        ++count;
    } while (!batch_.empty());
    if (!unwanted.empty())
        listener_.spent(std::move(unwanted));
    return result == 1 && count < os::PacketBatch::most ? 0 : result;
}

// 1, or a negative errno: -EPIPE for the end.
int PacketChannel::take_packet(Incoming& packet)
{
    std::array<os::UniqueFd, os::max_packet_fds> fds;
    os::Received got;
    const int result = batch_.next(os::FdRef{socket_.native_handle()}, packet.bytes, fds, got);
    for (std::size_t i = 0; i < got.fds; ++i)
        packet.fds.push_back(std::move(fds[i]));
    packet.harm = harm_of(got);
    return result == 0 ? -EPIPE : result;
}

bool PacketChannel::send(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (!open_)
        return false;
    if (!outbox_.empty())
        return keep_for_later(packet, lent);
    const int result = os::send_packet(os::FdRef{socket_.native_handle()}, packet, lent);
    if (result == -EAGAIN || is_shortage(result)) {
        const bool kept = keep_for_later(packet, lent);
        result == -EAGAIN ? wait_to_write() : write_later();
        return kept;
    }
    return result == 0;
}

bool PacketChannel::keep_for_later(std::span<const std::byte> packet, std::span<const int> lent)
{
    if (outbox_.packets() >= max_waiting)
        return false;
    Outbox::Parcel later{{packet.begin(), packet.end()}, nullptr, {}};
    for (const int fd : lent) {
        later.fds.push_back(copy_of(fd));
        if (!later.fds.back().valid())
            return false;
    }
    outbox_.add(std::move(later));
    be_patient();
    return true;
}

Delivery PacketChannel::send(std::span<const std::byte> head,
                             std::shared_ptr<const std::string> body, os::FdRef handle)
{
    if (!open_)
        return Delivery::gone;
    const bool first = outbox_.empty();
    if (outbox_.bytes() != 0 && outbox_.bytes() + Outbox::overhead + body->size() > limits_.waiting)
        return Delivery::full;
    Outbox::Parcel parcel{{head.begin(), head.end()}, std::move(body), {}};
    if (handle.valid()) {
        parcel.fds.push_back(copy_of(handle.get()));
        if (outbox_.handles() >= max_handles || !parcel.fds.back().valid())
            return Delivery::full;
    }
    outbox_.add(std::move(parcel));
    if (first) // its copy is not the last of a handle: closing it here does not block
        static_cast<void>(write_until_full());
    return Delivery::sent;
}

void PacketChannel::wait_to_write()
{
    if (std::exchange(waiting_to_write_, true))
        return;
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                       alive_.guard([this](boost::system::error_code error) {
                           waiting_to_write_ = false;
                           if (!error)
                               write_some();
                       }));
}

void PacketChannel::write_later()
{
    if (std::exchange(waiting_to_write_, true))
        return;
    shortage_.expires_after(shortage_pause);
    shortage_.async_wait(alive_.guard([this](boost::system::error_code error) {
        waiting_to_write_ = false;
        if (!error)
            write_some();
    }));
}

void PacketChannel::write_some()
{
    if (std::vector<os::UniqueFd> fds = write_until_full(); !fds.empty())
        listener_.spent(std::move(fds));
}

// Gives the descriptors of what has gone.
std::vector<os::UniqueFd> PacketChannel::write_until_full()
{
    std::vector<os::UniqueFd> spent;
    for (int turn = 0; open_ && !outbox_.empty(); ++turn) {
        const int result = turn == packets_per_turn
                               ? -EAGAIN
                               : os::send_packet(os::FdRef{socket_.native_handle()}, outbox_.next(),
                                                 outbox_.lent());
        if (result == -EAGAIN || is_shortage(result)) {
            result == -EAGAIN ? wait_to_write() : write_later();
            be_patient();
            break;
        }
        last_sent_ = std::chrono::steady_clock::now();
        std::vector<os::UniqueFd> gone = outbox_.sent(); // or the peer is gone, which reading tells
        std::move(gone.begin(), gone.end(), std::back_inserter(spent));
    }
    return spent;
}

void PacketChannel::flush(std::chrono::milliseconds time)
{
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (open_ && !outbox_.empty() && std::chrono::steady_clock::now() < deadline) {
        pollfd room{socket_.native_handle(), POLLOUT, 0};
        if (::poll(&room, 1, 10) > 0)
            write_some();
    }
}

// One who has read nothing for too long while something waits is told of, once.
void PacketChannel::be_patient()
{
    if (limits_.patience.count() == 0 || std::exchange(patient_, true))
        return;
    patience_until(std::chrono::steady_clock::now());
}

void PacketChannel::patience_until(std::chrono::steady_clock::time_point since)
{
    patience_.expires_at(since + limits_.patience);
    patience_.async_wait(alive_.guard([this, since](boost::system::error_code error) {
        if (!error && open_ && !outbox_.empty() && last_sent_ > since)
            return patience_until(last_sent_);
        patient_ = false;
        if (!error && open_ && !outbox_.empty())
            listener_.stalled();
    }));
}

void PacketChannel::shut_down()
{
    if (socket_.is_open())
        ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

void PacketChannel::end()
{
    if (!std::exchange(open_, false))
        return;
    patience_.cancel();
    if (std::vector<os::UniqueFd> fds = outbox_.clear(); !fds.empty())
        listener_.spent(std::move(fds));
    listener_.ended();
}

os::UniqueFd PacketChannel::release()
{
    open_ = false;
    return os::UniqueFd{os::adopt, socket_.is_open() ? socket_.release() : -1};
}

} // namespace ostler::ipc
