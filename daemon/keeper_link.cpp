// SPDX-License-Identifier: MIT
#include "daemon/keeper_link.hpp"

#include <array>
#include <cerrno>
#include <spdlog/spdlog.h>

namespace ostler
{

namespace keeper = wire::keeper;

KeeperLink::KeeperLink(boost::asio::any_io_executor executor, os::UniqueFd channel, Events& events)
    : events_{events}, channel_{std::move(executor), std::move(channel), *this}
{
    channel_.start();
}

template <typename Message>
bool KeeperLink::tell(const Message& message, std::span<const int> lent)
{
    std::array<std::byte, keeper::max_packet_bytes> buffer;
    const auto packet = wire::encode(buffer, message);
    return !packet.empty() && channel_.send(packet, lent);
}

bool KeeperLink::start(WorkerId worker, std::span<const int> lent, Ward& ward)
{
    if (lent.size() > keeper::max_start_fds || !tell(keeper::Start{worker}, lent))
        return false;
    wards_[worker] = &ward;
    return true;
}

void KeeperLink::signal(WorkerId worker, int number, keeper::Scope scope)
{
    tell(keeper::Signal{worker, number, static_cast<std::uint8_t>(scope)});
}

void KeeperLink::notify(std::string_view state)
{
    tell(keeper::Notify{state});
}

void KeeperLink::beat()
{
    tell(keeper::Beat{});
}

void KeeperLink::end(int code)
{
    tell(keeper::End{code});
    channel_.flush(std::chrono::seconds{1}); // the loop does not come back to it
}

void KeeperLink::received(std::span<const std::byte> packet, std::vector<os::UniqueFd> fds,
                          ipc::PacketChannel::Harm)
{
    wire::Reader reader{packet};
    wire::Header header;
    keeper::Started started;
    keeper::Exited exited;
    if (!wire::read_fields(reader, header))
        return;
    if (header.type == static_cast<std::uint16_t>(keeper::Type::started) &&
        wire::read_fields(reader, started))
        on_started(started, std::move(fds));
    else if (header.type == static_cast<std::uint16_t>(keeper::Type::exited) &&
             wire::read_fields(reader, exited))
        on_exited(exited);
    else
        spdlog::error("the keeper said something this master does not know  type={}", header.type);
}

void KeeperLink::on_started(const keeper::Started& started, std::vector<os::UniqueFd> fds)
{
    const auto found = wards_.find(started.worker);
    if (found == wards_.end())
        return;
    Ward& ward = *found->second;
    if (started.pid > 0)
        return ward.started(started.pid, fds.empty() ? os::UniqueFd{} : std::move(fds.front()));
    wards_.erase(found);
    ward.not_started(-started.pid);
}

void KeeperLink::on_exited(const keeper::Exited& exited)
{
    tell(keeper::Acknowledge{exited.worker});
    const auto found = wards_.find(exited.worker);
    if (found == wards_.end())
        return; // told before, and asked again because the acknowledgement crossed it
    Ward& ward = *found->second;
    wards_.erase(found);
    ward.ended(ending_from(exited));
}

} // namespace ostler
