// SPDX-License-Identifier: MIT
#include "tests/workers/taken_log.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

namespace ostler::test
{

TakenLog::TakenLog(const std::string& path)
{
    if (!path.empty())
        file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

TakenLog::~TakenLog()
{
    if (file_ >= 0)
        ::close(file_);
}

void TakenLog::taken(const sockaddr_storage& peer)
{
    // The port is at the same place for both families.
    const auto& address = reinterpret_cast<const sockaddr_in&>(peer);
    say("taken", std::to_string(ntohs(address.sin_port)));
}

void TakenLog::say(const char* what, const std::string& more)
{
    if (file_ < 0)
        return;
    // One write: lines of several workers do not mix.
    const std::string line =
        std::string{what} + ' ' + std::to_string(::getpid()) + ' ' + more + '\n';
    (void)!::write(file_, line.data(), line.size());
}

} // namespace ostler::test
