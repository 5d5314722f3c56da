// SPDX-License-Identifier: MIT
// One HTTP connection of the scripted worker, and what its paths make the worker do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "ipc/os/fd.hpp"
#include "ipc/shim/ostler.h"
#include "tests/workers/options.hpp"

namespace ostler::test
{

// What all connections of a worker share.
struct Host {
    ostler_worker* worker = nullptr;
    const Options* options = nullptr;
    bool draining = false;
    bool leaving = false;       // asked for by a request
    bool shutting_down = false; // likewise: every listening socket it holds
};

class Connection
{
public:
    using Clock = std::chrono::steady_clock;
    enum class Next { reads, waits, ended };

    Connection(os::UniqueFd socket, std::uint64_t id) : socket_{std::move(socket)}, id_{id} {}
    [[nodiscard]] os::FdRef socket() const { return socket_.borrow(); }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] std::optional<Clock::time_point> due() const { return due_; }

    [[nodiscard]] Next read(Host& host);   // readable
    [[nodiscard]] Next answer(Host& host); // due

private:
    [[nodiscard]] Next obey(Host& host, const std::string& path);
    os::UniqueFd socket_;
    std::uint64_t id_;
    std::string received_;
    std::string path_;
    bool keep_alive_ = false;
    std::optional<Clock::time_point> due_; // of an answer that waits
};

// {"worker":…} for HTTP and datagrams alike.
[[nodiscard]] std::string describe_self(const ostler_worker* worker, const std::string& path);
void block_loop(unsigned milliseconds);

} // namespace ostler::test
