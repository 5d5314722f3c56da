// SPDX-License-Identifier: MIT
#include "daemon/parking.hpp"

#include <utility>

#include "ipc/os/socket.hpp"

namespace ostler
{

// Not just closed: a worker may have made it linger before it was taken back.
Parking::~Parking()
{
    for (Parked& one : parked_)
        os::reset_connection(std::move(one.connection.fd));
}

TakenBack Parking::leave()
{
    TakenBack oldest = std::move(parked_.front().connection);
    parked_.pop_front();
    return oldest;
}

void Parking::park(TakenBack connection, Clock::time_point until)
{
    parked_.push_back({std::move(connection), until});
    if (parked_.size() == 1)
        watch();
}

void Parking::watch()
{
    timer_.expires_at(parked_.front().until);
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        if (!error)
            time_is_up();
    }));
}

void Parking::time_is_up()
{
    const auto now = Clock::now();
    while (!parked_.empty() && parked_.front().until <= now) {
        TakenBack oldest = std::move(parked_.front().connection);
        parked_.pop_front();
        give_up_(std::move(oldest));
    }
    if (!parked_.empty())
        watch();
}

} // namespace ostler
