// SPDX-License-Identifier: MIT
#include "daemon/signals.hpp"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ostler
{
namespace
{

sigset_t ours()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, number);
    return set;
}

int open_source()
{
    const sigset_t set = ours();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr); // cannot fail: the arguments are right
    const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        throw std::system_error{errno, std::system_category(), "listening to signals"};
    return fd;
}

} // namespace

void let_signals_end_us()
{
    const sigset_t set = ours();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Signals::Signals(boost::asio::any_io_executor executor) : source_{executor, open_source()} {}

void Signals::listen(std::function<void(int)> handler)
{
    handler_ = std::move(handler);
    wait();
}

void Signals::wait()
{
    source_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       alive_.guard([this](boost::system::error_code error) {
                           if (!error)
                               read();
                       }));
}

void Signals::read()
{
    signalfd_siginfo signal{};
    if (::read(source_.native_handle(), &signal, sizeof signal) == sizeof signal)
        handler_(static_cast<int>(signal.ssi_signo));
    wait();
}

} // namespace ostler
