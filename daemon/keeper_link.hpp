// SPDX-License-Identifier: MIT
// The master's end of its talk with the keeper, who alone starts processes, signals them and tells
// how they ended.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

#include "daemon/ending.hpp"
#include "ipc/channel/packet_channel.hpp"
#include "ipc/os/fd.hpp"
#include "ipc/wire/keeper.hpp"

namespace ostler
{

using WorkerId = std::uint64_t;

class KeeperLink final : ipc::PacketChannel::Listener
{
public:
    // What the keeper says of one worker.
    class Ward
    {
    public:
        virtual ~Ward() = default;
        virtual void started(pid_t pid, os::UniqueFd pidfd) = 0;
        virtual void
        not_started(int error) = 0; // errno; there is no process, and no exit will come
        // It was reaped, and what was left of its process group killed. The last call; may destroy
        // the ward.
        virtual void ended(const Ending& ending) = 0;
    };
    class Events
    {
    public:
        virtual ~Events() = default;
        virtual void keeper_gone() = 0;
    };

    KeeperLink(boost::asio::any_io_executor executor, os::UniqueFd channel, Events& events);

    // Descriptors: the plan, the report pipe, then what the plan places; lent. False: the keeper
    // cannot be told.
    [[nodiscard]] bool start(WorkerId worker, std::span<const int> lent, Ward& ward);
    void signal(WorkerId worker, int number, wire::keeper::Scope scope);
    void forget(WorkerId worker) { wards_.erase(worker); } // nobody wants to hear of it any more
    void notify(std::string_view state);                   // to our service manager
    void beat();
    void end(int code); // the daemon ends

private:
    void received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                  ipc::PacketChannel::Harm harm) override;
    void ended() override { events_.keeper_gone(); }
    void on_started(const wire::keeper::Started& started, std::vector<os::UniqueFd> fds);
    void on_exited(const wire::keeper::Exited& exited);
    template <typename Message>
    bool tell(const Message& message, std::span<const int> lent = {});

    Events& events_;
    std::unordered_map<WorkerId, Ward*> wards_;
    ipc::PacketChannel channel_;
};

} // namespace ostler
