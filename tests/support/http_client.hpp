// SPDX-License-Identifier: MIT
// A client that does one thing at a time, each with a deadline.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/os/fd.hpp"
#include "tests/support/answer.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

enum class Keep { close, alive };

class HttpClient
{
public:
    // Connects; `connected()` says whether it came to that.
    explicit HttpClient(const Endpoint& server, Milliseconds within = patience);

    [[nodiscard]] bool connected() const { return error_ == 0; }
    [[nodiscard]] int error() const { return error_; } // errno of what failed last; 0
    [[nodiscard]] std::uint16_t port() const { return port_; }

    void ask(const std::string& path = "/", Keep keep = Keep::close);
    [[nodiscard]] Answer answer(); // of the request before; not `whole` when none came in time
    [[nodiscard]] Answer get(const std::string& path = "/", Keep keep = Keep::close);
    [[nodiscard]] bool closed_by_server(); // its end of file or reset, waiting for it
    void close() { socket_.reset(); }

private:
    [[nodiscard]] bool wait_for(short events);
    os::UniqueFd socket_;
    Milliseconds within_;
    int error_ = 0;
    std::uint16_t port_ = 0;
};

// One request on a connection of its own.
[[nodiscard]] Answer get(const Endpoint& server, const std::string& path = "/",
                         Milliseconds within = patience);
// One datagram there and its answer; empty when none came.
[[nodiscard]] std::string ask_datagram(const Endpoint& server, const std::string& text);

} // namespace ostler::test
