// SPDX-License-Identifier: MIT
#include "tests/fault/keeper_rig.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "ipc/os/packet.hpp"
#include "ipc/sealed_plan.hpp"
#include "tests/support/orphans.hpp"

namespace ostler::test
{
namespace
{

[[nodiscard]] bool readable(os::FdRef fd, Milliseconds within)
{
    pollfd event{fd.get(), POLLIN, 0};
    return ::poll(&event, 1, static_cast<int>(within.count())) == 1;
}

void expect_readable(os::FdRef fd, const char* what)
{
    if (!readable(fd, patience))
        throw std::runtime_error(std::string{what} + " did not come in time");
}

os::UniqueFd listen_at(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    os::UniqueFd socket{os::adopt, ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), 1) != 0)
        throw std::runtime_error("cannot listen at " + path);
    return socket;
}

Words command(Words arguments)
{
    arguments.insert(arguments.begin(), keeper_tree + "/bin/ostlerd");
    return arguments;
}

} // namespace

Pipe::Pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    read_.reset(ends[0]);
    write_.reset(ends[1]);
}

std::string Pipe::read_until(bool (*enough)(std::string_view))
{
    close_writer();
    std::string text;
    char piece[512];
    while (!enough(text)) {
        expect_readable(read_.borrow(), "the end of a pipe");
        const ssize_t size = ::read(read_.get(), piece, sizeof piece);
        if (size <= 0)
            break;
        text.append(piece, static_cast<std::size_t>(size));
    }
    return text;
}

std::string Pipe::read_all()
{
    return read_until([](std::string_view) { return false; });
}

std::string Pipe::read_line()
{
    std::string line = read_until([](std::string_view text) { return text.ends_with('\n'); });
    return line.substr(0, line.find('\n'));
}

wire::plan::Plan shell_plan(const std::string& script, pid_t parent)
{
    return {.exec = "/bin/sh",
            .args = {"sh", "-c", script},
            .env = {"PATH=/usr/bin:/bin"},
            .keeper = parent};
}

std::optional<wire::plan::Report> report_in(Pipe& pipe)
{
    const std::string bytes = pipe.read_all();
    wire::plan::Report report;
    if (bytes.size() != sizeof report)
        return std::nullopt;
    std::memcpy(&report, bytes.data(), sizeof report);
    return report;
}

std::string stream_of(os::FdRef file)
{
    struct stat about {
    };
    ::fstat(file.get(), &about);
    return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
}

KeeperRig::KeeperRig(std::map<std::string, std::string> env, Words arguments, os::FdRef err)
    : listener_{listen_at(scratch_ / "test.sock")}
{
    become_subreaper();
    env["FAKE_MASTER"] = scratch_ / "test.sock";
    keeper_.emplace(
        command(std::move(arguments)),
        Child::Settings{
            .env = std::move(env), .cwd = {}, .input = -1, .fds = {}, .err = err.get()});
    expect_readable(listener_.borrow(), "the master");
    orders_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred peer{};
    socklen_t size = sizeof peer;
    ::getsockopt(orders_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    master_ = peer.pid;
    if (master_says() != "here")
        throw std::runtime_error("the fake master did not lend its channel");
    channel_ = take_descriptor();
}

KeeperRig::~KeeperRig()
{
    orders_.reset(); // which ends the fake master, and so the keeper and all workers
    channel_.reset();
    (void)keeper_->wait();
    expect_no_orphans("the keeper");
}

void KeeperRig::order(const std::string& what)
{
    const auto bytes = std::as_bytes(std::span{what});
    if (os::send_packet(orders_.borrow(), bytes, {}) != 0)
        throw std::runtime_error("the fake master is gone");
    if (what.rfind("exit", 0) != 0 && master_says() != "done")
        throw std::runtime_error("the fake master did not do: " + what);
}

std::string KeeperRig::master_says()
{
    expect_readable(orders_.borrow(), "a word of the fake master");
    os::Received got;
    if (os::receive_packet(orders_.borrow(), packet_, {&descriptor_, 1}, got) != 1)
        return {};
    return {reinterpret_cast<const char*>(packet_), got.bytes};
}

void KeeperRig::send(std::span<const std::byte> packet, const std::vector<int>& lent)
{
    int result;
    while ((result = os::send_packet(channel_.borrow(), packet, lent)) == -EAGAIN) {
        pollfd room{channel_.get(), POLLOUT, 0};
        if (::poll(&room, 1, static_cast<int>(patience.count())) != 1)
            throw std::runtime_error("the keeper does not listen");
    }
    if (result != 0)
        throw std::runtime_error("the keeper is gone");
}

bool KeeperRig::try_to_tell(std::span<const std::byte> packet)
{
    pollfd room{channel_.get(), POLLOUT, 0};
    return ::poll(&room, 1, 1000) == 1 && os::send_packet(channel_.borrow(), packet, {}) == 0;
}

void KeeperRig::receive(wire::keeper::Type type)
{
    expect_readable(channel_.borrow(), "a packet of the keeper");
    os::Received got;
    if (os::receive_packet(channel_.borrow(), packet_, {&descriptor_, 1}, got) != 1)
        throw std::runtime_error("the keeper is gone");
    wire::Reader reader{{packet_, got.bytes}};
    wire::Header header;
    if (!wire::read_fields(reader, header) || header.type != static_cast<std::uint16_t>(type))
        throw std::runtime_error("the keeper sent type " + std::to_string(header.type));
    body_ = reader.rest();
}

bool KeeperRig::silent_for(Milliseconds time) const
{
    return !readable(channel_.borrow(), time);
}

wire::keeper::Type KeeperRig::next_type()
{
    expect_readable(channel_.borrow(), "a packet of the keeper");
    std::uint16_t type = 0;
    ::recv(channel_.get(), &type, sizeof type, MSG_PEEK);
    return wire::keeper::Type{type};
}

void KeeperRig::start(std::uint64_t worker, const wire::plan::Plan& plan, Pipe& report,
                      const std::vector<int>& fds)
{
    const auto sealed = seal_plan(plan).value();
    std::vector<int> lent{sealed.get(), report.writer().get()};
    lent.insert(lent.end(), fds.begin(), fds.end());
    tell(wire::keeper::Start{worker}, lent);
    report.close_writer();
}

pid_t KeeperRig::run(std::uint64_t worker, const std::string& script)
{
    Pipe report;
    start(worker, plan(script), report);
    const auto started = hear<wire::keeper::Started>();
    if (started.worker != worker || started.pid <= 0)
        throw std::runtime_error("the worker was not started: " + std::to_string(started.pid));
    if (report_in(report))
        throw std::runtime_error("the launcher failed");
    return started.pid;
}

} // namespace ostler::test
