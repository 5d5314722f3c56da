// SPDX-License-Identifier: MIT
#include "daemon/keeper/service_manager.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/time.h>

#include "daemon/keeper/say.hpp"

namespace ostler::keeper
{
namespace
{

// A path, or '@' and an abstract name. 0 for what we cannot reach (vsock of newer managers).
socklen_t parse(std::string_view text, sockaddr_un& address)
{
    if (text.size() < 2 || text.size() >= sizeof address.sun_path ||
        (text[0] != '/' && text[0] != '@'))
        return 0;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.data(), text.size());
    if (text[0] == '@')
        address.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
}

// It may be meant for the process that executed us, and not for us.
bool watchdog_is_ours()
{
    const char* pid = std::getenv("WATCHDOG_PID");
    return std::getenv("WATCHDOG_USEC") != nullptr &&
           (pid == nullptr || std::strtol(pid, nullptr, 10) == ::getpid());
}

os::UniqueFd datagram_socket()
{
    return {os::adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

} // namespace

ServiceManager ServiceManager::from_environment()
{
    ServiceManager manager;
    for (const char* ours : {"OSTLER_NOTIFY", "OSTLER_WATCHDOG_USEC"})
        ::unsetenv(ours);
    if (const char* path = std::getenv("NOTIFY_SOCKET")) {
        manager.address_size_ = parse(path, manager.address_);
        if (manager.address_size_ == 0)
            say("cannot notify the service manager at \"%s\": not a Unix socket", path);
    }
    if (manager.address_size_ != 0) {
        manager.socket_ = datagram_socket();
        ::setenv("OSTLER_NOTIFY", "1", 1);
        if (watchdog_is_ours())
            ::setenv("OSTLER_WATCHDOG_USEC", std::getenv("WATCHDOG_USEC"), 1);
    }
    for (const char* theirs : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
        ::unsetenv(theirs);
    return manager;
}

ServiceManager::Sent ServiceManager::send(std::string_view state)
{
    const auto* to = reinterpret_cast<const sockaddr*>(&address_);
    if (::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL, to, address_size_) >= 0) {
        heard_ = true;
        return Sent::yes;
    }
    if (errno == EAGAIN)
        return Sent::no_room;
    complain(errno);
    return Sent::never;
}

// Once. Not of one who has heard us and is gone: `ostler start` listens until we are ready.
void ServiceManager::complain(int error)
{
    const bool gone = error == ECONNREFUSED || error == ENOENT;
    if (complained_ || (gone && heard_))
        return;
    complained_ = true;
    say("cannot notify the service manager: %s", ::strerrordesc_np(error));
}

void ServiceManager::relay(std::string_view state)
{
    if (address_size_ == 0)
        return;
    if (waiting() || send(state) == Sent::no_room)
        keep(state);
}

// When there are too many, the newest goes: the first READY=1 matters most, and a later status
// comes again.
void ServiceManager::keep(std::string_view state)
{
    if (waiting_count_ == max_waiting || state.size() > sizeof waiting_[0].text)
        return;
    Waiting& last = waiting_[waiting_count_++];
    std::memcpy(last.text, state.data(), state.size());
    last.size = state.size();
}

void ServiceManager::retry()
{
    std::size_t gone = 0;
    while (gone < waiting_count_ &&
           send({waiting_[gone].text, waiting_[gone].size}) != Sent::no_room)
        ++gone;
    std::move(waiting_ + gone, waiting_ + waiting_count_, waiting_);
    waiting_count_ -= gone;
}

} // namespace ostler::keeper
