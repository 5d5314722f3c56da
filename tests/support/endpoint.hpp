// SPDX-License-Identifier: MIT
// An address to connect to, from the text that `status` shows: "tcp://127.0.0.1:8000",
// "tcp://[::1]:8000", "unix:/run/app.sock", "unix:@name", "udp://…".
#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

#include "ipc/os/fd.hpp"

namespace ostler::test
{

class Endpoint
{
public:
    explicit Endpoint(const std::string& text); // a wildcard becomes the loopback address

    [[nodiscard]] const sockaddr* address() const
    {
        return reinterpret_cast<const sockaddr*>(&storage_);
    }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] bool datagram() const { return datagram_; }
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] Endpoint at_port(std::uint16_t port) const;

    [[nodiscard]] os::UniqueFd make_socket(int flags = 0) const;
    // Bound and, unless it is for datagrams, listening: what else may hold an address.
    [[nodiscard]] os::UniqueFd listen() const;

private:
    void set_ip(const std::string& host, const std::string& port);
    void set_unix(const std::string& path);
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
    bool datagram_ = false;
};

[[nodiscard]] std::uint16_t local_port(os::FdRef socket); // 0 for Unix sockets

} // namespace ostler::test
