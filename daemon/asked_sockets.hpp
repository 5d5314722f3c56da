// SPDX-License-Identifier: MIT
// The sockets that workers asked for at run time. Workers of one pool that ask for the same
// address, and with port 0 for the same of its free ports, share one. Whoever has got one holds it
// open: here it is only known.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/spec.hpp"
#include "daemon/listener.hpp"
#include "daemon/off_loop.hpp"
#include "daemon/worker_files.hpp"
#include "ipc/channel/dialect.hpp"

namespace ostler
{

class AskedSockets
{
public:
    AskedSockets(boost::asio::any_io_executor executor, OffLoop& off_loop)
        : executor_{std::move(executor)}, files_{off_loop}
    {
    }

    // `wanted` as read_listen_request() gives it, and allowed already. Answers at once, or from the
    // loop: files are made elsewhere.
    using Answer = std::function<void(std::variant<std::shared_ptr<Listener>, ipc::Refusal>)>;
    void find_or_bind(const std::string& pool, const config::Program& asker,
                      const config::Socket& wanted, Answer answer);

    struct Open {
        std::string pool;
        std::shared_ptr<Listener> listener;
    };
    [[nodiscard]] std::vector<Open> open() const;
    void stop_accepting();

private:
    static constexpr std::size_t most_files_at_once = 8; // of a pool, being made

    using Key = std::pair<std::string, std::string>; // pool, name of the socket
    struct Entry {
        std::weak_ptr<Listener> listener;
        std::vector<Answer> waiting; // not empty: it is being bound
    };
    void bind(const Key& key, const config::Socket& wanted);
    void bind_file(const Key& key, const config::Program& asker, const config::Socket& wanted);
    void bound(const Key& key, const config::Socket& wanted, os::Result<SocketListener::Bound> made,
               SocketListener::Rebind rebind);
    void answer_all(const Key& key, std::variant<std::shared_ptr<Listener>, ipc::Refusal> answer);
    [[nodiscard]] bool too_many_files(const std::string& pool) const;
    void forget_closed();

    boost::asio::any_io_executor executor_;
    WorkerFiles files_;
    std::map<Key, Entry> entries_;
};

} // namespace ostler
