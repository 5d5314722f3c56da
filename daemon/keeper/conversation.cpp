// SPDX-License-Identifier: MIT
// The keeper's side of the channel to the master: a table of what it hears, and the two things that
// it says.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "daemon/keeper/clock.hpp"
#include "daemon/keeper/keeper.hpp"
#include "ipc/os/packet.hpp"

namespace ostler::keeper
{

using namespace wire::keeper;

struct Keeper::Packet {
    std::byte bytes[max_packet_bytes];
    os::UniqueFd fds[max_start_fds];
    os::Received got;

    [[nodiscard]] wire::Reader reader() const { return wire::Reader{{bytes, got.bytes}}; }
};

struct Keeper::Handler {
    Type type;
    void (Keeper::*hear)(Packet&);
};

namespace
{

// A packet that is too short for its type is not understood, and skipped like one of no type.
template <typename Message>
std::optional<Message> message_in(const auto& packet)
{
    wire::Reader reader = packet.reader();
    wire::Header header;
    Message message;
    if (!read_fields(reader, header) || !read_fields(reader, message))
        return std::nullopt;
    return message;
}

} // namespace

void Keeper::listen()
{
    // So many in a turn that a flood keeps us from nothing else. An answer that waits goes first:
    // the room for it shows that the master reads, and nothing of what it said meanwhile may be
    // called silence.
    for (int most = 64; most > 0 && (!answer_ || say_answer()) && take_packet(); --most) {
    }
}

bool Keeper::take_packet()
{
    if (!parts_.channel.valid())
        return false;
    Packet packet;
    const int result =
        os::receive_packet(parts_.channel.borrow(), packet.bytes, packet.fds, packet.got);
    if (result == 1) {
        parts_.nurse.heard(now());
        handle(packet);
    } else if (result != -EAGAIN)
        lose_channel();
    return result == 1;
}

void Keeper::handle(Packet& packet)
{
    static constexpr Handler handlers[] = {
        {Type::start, &Keeper::on_start},   {Type::signal, &Keeper::on_signal},
        {Type::notify, &Keeper::on_notify}, {Type::acknowledge, &Keeper::on_acknowledge},
        {Type::end, &Keeper::on_end},       {Type::beat, &Keeper::on_beat},
    };
    wire::Reader reader = packet.reader();
    wire::Header header;
    if (!read_fields(reader, header))
        return;
    for (const Handler& handler : handlers)
        if (static_cast<std::uint16_t>(handler.type) == header.type)
            (this->*handler.hear)(packet);
}

void Keeper::on_start(Packet& packet)
{
    if (const auto start_of = message_in<Start>(packet))
        answer(start_of->worker, start(start_of->worker, packet));
}

void Keeper::answer(std::uint64_t worker, Started result)
{
    answer_ = Answer{worker, static_cast<Started&&>(result)};
    speak();
}

Started Keeper::start(std::uint64_t worker, Packet& packet)
{
    if (packet.got.cut)
        return {-EMFILE, {}}; // our own limit of descriptors cut it
    if (table_.find(worker) != nullptr)
        return {-EEXIST, {}};
    if (table_.full())
        return {-EAGAIN, {}};
    int fds[max_start_fds];
    std::transform(packet.fds, packet.fds + packet.got.fds, fds,
                   [](const os::UniqueFd& fd) { return fd.get(); });
    Started started = start_launcher(parts_.launcher.borrow(), {fds, packet.got.fds});
    if (started.pid > 0)
        table_.add(worker, started.pid);
    return started;
}

// One that is reaped has no number any more that we could signal. One that we do not know has no
// process and will never exit, which the master may be waiting for.
void Keeper::on_signal(Packet& packet)
{
    const auto signal = message_in<Signal>(packet);
    if (!signal)
        return;
    const Worker* worker = table_.find(signal->worker);
    if (worker == nullptr)
        return answer(signal->worker, {-ESRCH, {}});
    if (worker->state != State::running)
        return;
    const bool group = signal->scope == static_cast<std::uint8_t>(Scope::group);
    ::kill(group ? -worker->pid : worker->pid, signal->number);
}

void Keeper::on_acknowledge(Packet& packet)
{
    if (const auto acknowledge = message_in<Acknowledge>(packet))
        table_.acknowledged(acknowledge->worker);
}

void Keeper::on_notify(Packet& packet)
{
    if (const auto notify = message_in<Notify>(packet))
        parts_.manager.relay(notify->state);
}

void Keeper::on_end(Packet& packet)
{
    if (const auto end = message_in<End>(packet)) {
        said_code_ = end->code;
        parts_.nurse.leaving(now());
    }
}

void Keeper::on_beat(Packet&)
{
    beaten_ = true;
    parts_.nurse.beaten(now());
    table_.repeat();
}

// Exits come after the answer to their start.
void Keeper::speak()
{
    wants_room_ = false;
    if (answer_ && !say_answer())
        return;
    for (Worker& worker : table_)
        if (Table::to_say(worker) && !say_exit(worker))
            return;
}

bool Keeper::say_answer()
{
    std::byte buffer[64];
    const int pidfd = answer_->result.pidfd.get();
    const std::span<const int> lent{&pidfd, answer_->result.pid > 0 ? 1U : 0U};
    const wire::keeper::Started started{answer_->worker, answer_->result.pid};
    const int result = tell(wire::encode(buffer, started), lent);
    if (result == -EAGAIN)
        return false;
    if (result < 0 && answer_->result.pid > 0) {
        // A start that cannot be told is undone: nobody would know of it. (ETOOMANYREFS: too many
        // descriptors of our user are under way.) Its group now: reaped as a stranger, it will not
        // take it along.
        ::kill(-answer_->result.pid, SIGKILL);
        table_.forget(answer_->worker);
        answer_->result = {result, {}};
        return say_answer();
    }
    answer_.reset();
    return true;
}

bool Keeper::say_exit(Worker& worker)
{
    std::byte buffer[64];
    const Exited exited{worker.id, worker.code, worker.status};
    if (tell(wire::encode(buffer, exited)) != 0)
        return false;
    table_.said(worker);
    return true;
}

int Keeper::tell(std::span<const std::byte> packet, std::span<const int> lent)
{
    const int result =
        parts_.channel.valid() ? os::send_packet(parts_.channel.borrow(), packet, lent) : -EPIPE;
    wants_room_ = result == -EAGAIN;
    if (result == -EPIPE || result == -ECONNRESET)
        lose_channel();
    return result;
}

} // namespace ostler::keeper
