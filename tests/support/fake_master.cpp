// SPDX-License-Identifier: MIT
#include "tests/support/fake_master.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <system_error>

#include "ipc/wire/page.hpp"

namespace ostler::test
{

using namespace wire::native;

namespace
{

bool readable(os::FdRef fd, Milliseconds within)
{
    pollfd one{fd.get(), POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(within.count())) == 1;
}

os::UniqueFd make_page()
{
    os::UniqueFd page{os::adopt, ::memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    need(::ftruncate(page.get(), wire::page_bytes) == 0, "room for a page");
    need(::fcntl(page.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0, "seals");
    return page;
}

} // namespace

Queue make_queue()
{
    Queue queue;
    need(os::packet_pair(queue.ours, queue.workers) == 0, "a pair of sockets");
    queue.shut_reading();
    return queue;
}

void Queue::shut_reading() const
{
    need(::shutdown(ours.get(), SHUT_RD) == 0, "a queue");
}

void Queue::pass(std::uint64_t id, os::FdRef connection, std::span<const std::byte> peer) const
{
    Connection packet;
    packet.id = id;
    packet.peer_size = static_cast<std::uint32_t>(peer.size());
    if (!peer.empty())
        std::memcpy(packet.peer, peer.data(), std::min(peer.size(), max_peer));
    const int lent = connection.get();
    send(std::as_bytes(std::span{&packet, 1}), {&lent, 1});
}

void Queue::send(std::span<const std::byte> bytes, std::span<const int> lent) const
{
    need(os::send_packet(ours.borrow(), bytes, lent) == 0, "room in the queue");
}

std::size_t Queue::waiting() const
{
    int bytes = 0;
    need(::ioctl(workers.get(), FIONREAD, &bytes) == 0, "a queue");
    return static_cast<std::size_t>(bytes) / sizeof(Connection);
}

FakeMaster::FakeMaster() : page_{make_page()}
{
    need(os::packet_pair(ours_, workers_) == 0, "a pair of sockets");
}

// May be called beside the test's own thread, where Catch must not be used: so it throws.
void FakeMaster::send_bytes(std::span<const std::byte> bytes, os::FdRef lent)
{
    const int fd = lent.get();
    int rc = -EAGAIN;
    // The channel may be full of what was sent before.
    const bool sent = eventually([&] {
        rc = os::send_packet(ours_.borrow(), bytes, {&fd, lent.valid() ? 1u : 0u});
        return rc != -EAGAIN;
    });
    if (!sent || rc != 0)
        throw std::system_error{-rc, std::generic_category(), "sending to the worker"};
}

void FakeMaster::send_part(const std::string& text, std::uint16_t flags, os::FdRef lent)
{
    std::vector<std::byte> packet(wire::max_packet);
    wire::Writer writer{packet};
    wire::write_fields(writer, wire::Header{static_cast<std::uint16_t>(Type::message), flags, 0});
    Message message;
    message.kind = static_cast<std::uint8_t>(From::worker);
    message.worker = 3;
    message.pool = "b";
    if ((flags & continued) == 0)
        wire::write_fields(writer, message);
    writer.raw(text.data(), text.size());
    if (!writer.ok())
        throw std::length_error{"a part that is too long"};
    send_bytes(writer.bytes(), lent);
}

// As in send_bytes(): where Catch must not be used.
std::string Said::body() const
{
    wire::Reader reader{bytes};
    wire::Header skipped;
    Message fields;
    need(wire::read_fields(reader, skipped), "a header");
    if ((skipped.flags & continued) == 0)
        need(wire::read_fields(reader, fields), "the fields of a message");
    const auto rest = reader.rest();
    return {reinterpret_cast<const char*>(rest.data()), rest.size()};
}

Said FakeMaster::hear()
{
    need(readable(ours_.borrow(), 3 * patience), "a packet"); // a program may have to start first
    Said said;
    said.bytes.resize(wire::max_packet);
    os::Received got;
    os::UniqueFd fds[4];
    need(os::receive_packet(ours_.borrow(), said.bytes, fds, got) == 1, "a packet, and no end");
    said.bytes.resize(got.bytes);
    wire::Reader reader{said.bytes};
    need(wire::read_fields(reader, said.header), "a header");
    need(got.fds <= (said.header.type == static_cast<std::uint16_t>(Type::message) ? 1u : 0u),
         "no more descriptors than that");
    said.fd = std::move(fds[0]);
    return said;
}

bool FakeMaster::silent() const
{
    return !readable(ours_.borrow(), 0ms);
}

bool FakeMaster::ended()
{
    std::byte space[8];
    os::Received got;
    return readable(ours_.borrow(), patience) &&
           os::receive_packet(ours_.borrow(), space, {}, got) == 0;
}

void FakeMaster::welcome(const std::string& sockets, std::uint64_t worker)
{
    const auto request = hear_of_type<Hello>().second;
    Welcome message;
    message.worker = worker;
    message.slot = 2;
    message.generation = 3;
    message.pool = "api";
    message.sockets = sockets;
    send(message, request, page_.borrow());
}

void FakeMaster::grant(std::uint32_t request, std::uint32_t listener, How how, os::FdRef fd,
                       bool datagram)
{
    Listening message;
    message.listener = listener;
    message.how = static_cast<std::uint8_t>(how);
    message.datagram = datagram ? 1 : 0;
    message.address = "tcp://127.0.0.1:8080";
    send(message, request, fd);
}

Queue FakeMaster::grant_queue(std::uint32_t listener)
{
    const auto request = hear_of_type<Listen>().second;
    Queue queue = make_queue();
    grant(request, listener, How::queue, queue.workers.borrow());
    return queue;
}

std::uint64_t FakeMaster::page(std::size_t field) const
{
    std::uint64_t value = 0;
    need(::pread(page_.get(), &value, sizeof value, static_cast<off_t>(field * sizeof value)) ==
             sizeof value,
         "a field of the page");
    return value;
}

} // namespace ostler::test
