// SPDX-License-Identifier: MIT
#include "ipc/channel/outbox.hpp"

#include <algorithm>
#include <utility>

#include "ipc/wire/native.hpp"

namespace ostler::ipc
{
namespace
{

std::size_t head_size(const Outbox::Parcel& parcel)
{
    return parcel.begun ? wire::header_size : parcel.head.size();
}

std::size_t cost(const Outbox::Parcel& parcel)
{
    return parcel.body ? parcel.body->size() + Outbox::overhead : 0;
}

} // namespace

void Outbox::add(Parcel parcel)
{
    packets_ += parcel.body ? 0u : 1u;
    bytes_ += cost(parcel);
    handles_ += parcel.body ? parcel.fds.size() : 0u;
    parcels_.push_back(std::move(parcel));
}

std::size_t Outbox::share(const Parcel& parcel) const
{
    if (!parcel.body)
        return 0;
    return std::min(parcel.body->size() - parcel.sent, wire::max_body);
}

os::TwoPieces Outbox::next()
{
    Parcel& parcel = parcels_.front();
    const std::span head = std::span{parcel.head}.first(head_size(parcel));
    const std::size_t part = share(parcel);
    if (!parcel.body)
        return {head, {}};
    const bool last = parcel.sent + part == parcel.body->size();
    wire::Writer flags{head.subspan(sizeof wire::Header::type)};
    flags.put(static_cast<std::uint16_t>((last ? 0 : wire::native::more_follows) |
                                         (parcel.begun ? wire::native::continued : 0)));
    return {head, std::as_bytes(std::span{*parcel.body}).subspan(parcel.sent, part)};
}

std::vector<int> Outbox::lent() const
{
    std::vector<int> numbers;
    const Parcel& parcel = parcels_.front();
    if (!parcel.begun)
        for (const os::UniqueFd& fd : parcel.fds)
            numbers.push_back(fd.get());
    return numbers;
}

std::vector<os::UniqueFd> Outbox::sent()
{
    Parcel& parcel = parcels_.front();
    parcel.sent += share(parcel);
    parcel.begun = true;
    if (parcel.body && parcel.sent < parcel.body->size())
        return {};
    count_out(parcel);
    std::vector<os::UniqueFd> fds = std::move(parcel.fds);
    parcels_.pop_front();
    return fds;
}

void Outbox::count_out(const Parcel& parcel)
{
    packets_ -= parcel.body ? 0u : 1u;
    bytes_ -= cost(parcel);
    handles_ -= parcel.body ? parcel.fds.size() : 0u;
}

std::vector<os::UniqueFd> Outbox::clear()
{
    std::vector<os::UniqueFd> fds;
    for (Parcel& parcel : std::exchange(parcels_, {}))
        std::move(parcel.fds.begin(), parcel.fds.end(), std::back_inserter(fds));
    packets_ = bytes_ = handles_ = 0;
    return fds;
}

} // namespace ostler::ipc
