// SPDX-License-Identifier: MIT
// Stands where the keeper expects the master, and lends its end of the channel to the test that
// listens at $FAKE_MASTER. It says which signals come, and does as it is told:
//   exit N · close (the channel) · ignore N (a signal) · run CMD (with sh, not waited for)
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <span>
#include <string>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/os/packet.hpp"
#include "ipc/wire/keeper.hpp"

namespace
{

using namespace ostler;

int dial(const char* path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        std::exit(111);
    return socket;
}

int forwarded_signals()
{
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT})
        ::sigaddset(&set, number);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return ::signalfd(-1, &set, SFD_CLOEXEC);
}

void say(int test, const std::string& text, std::span<const int> lent = {})
{
    if (os::send_packet(os::FdRef{test}, std::as_bytes(std::span{text}), lent) != 0)
        std::exit(112);
}

void obey(const std::string& order)
{
    const std::string word = order.substr(0, order.find(' '));
    const char* rest = order.c_str() + std::min(order.size(), word.size() + 1);
    if (word == "exit")
        std::exit(std::atoi(rest));
    if (word == "close")
        ::close(wire::keeper::channel_fd);
    if (word == "ignore")
        std::signal(std::atoi(rest), SIG_IGN);
    if (word == "run" && ::fork() == 0) {
        ::execl("/bin/sh", "sh", "-c", rest, nullptr);
        ::_exit(127);
    }
}

} // namespace

int main(int argc, char* argv[])
{
    const rlimit no_core{0, 0}; // it is aborted on purpose
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (argc > 2 && std::strcmp(argv[1], "--exit") == 0)
        return std::atoi(argv[2]);
    const char* path = std::getenv("FAKE_MASTER");
    if (path == nullptr)
        return 110;
    const int test = dial(path);
    const int signals = forwarded_signals();
    const int channel[] = {wire::keeper::channel_fd};
    say(test, "here", channel);
    for (;;) {
        pollfd events[] = {{test, POLLIN, 0}, {signals, POLLIN, 0}};
        ::poll(events, 2, -1);
        if (events[1].revents != 0) {
            signalfd_siginfo came;
            if (::read(signals, &came, sizeof came) == sizeof came)
                say(test, "signal " + std::to_string(came.ssi_signo));
        }
        if (events[0].revents != 0) {
            char order[512];
            const ssize_t size = ::read(test, order, sizeof order);
            if (size <= 0)
                return 113; // the test is gone
            obey({order, static_cast<std::size_t>(size)});
            say(test, "done");
        }
    }
}
