// SPDX-License-Identifier: MIT
// An address to listen on: family, address and kind of socket in one value that prints itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "ipc/os/fd.hpp"
#include "ipc/os/result.hpp"

namespace ostler::os
{

enum class Transport { stream, datagram };

class Endpoint
{
public:
    // `host` is a literal address ("::1", "fe80::1%eth0"); a name is not looked up.
    [[nodiscard]] static std::optional<Endpoint> ip(const std::string& host, std::uint16_t port,
                                                    Transport transport);
    // Nothing when the name does not fit into a socket address (107 bytes).
    [[nodiscard]] static std::optional<Endpoint> unix_path(std::string_view path);
    [[nodiscard]] static std::optional<Endpoint> unix_abstract(std::string_view name);
    [[nodiscard]] static Result<Endpoint> of(FdRef socket); // as bound

    [[nodiscard]] int family() const { return address_.ss_family; }
    [[nodiscard]] Transport transport() const { return transport_; }
    [[nodiscard]] bool abstract() const; // a Unix socket without a file
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string path() const; // of a Unix socket: its file, or the abstract name
    [[nodiscard]] std::string text() const; // "tcp://[::1]:80", "udp://…", "unix:/run/x", "unix:@x"

    [[nodiscard]] const sockaddr* address() const;
    [[nodiscard]] socklen_t size() const { return size_; }

private:
    Endpoint() = default;
    [[nodiscard]] static std::optional<Endpoint> unix_name(std::string_view bytes);

    sockaddr_storage address_{};
    socklen_t size_ = 0;
    Transport transport_ = Transport::stream;
};

} // namespace ostler::os
