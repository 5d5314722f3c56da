// SPDX-License-Identifier: MIT
#include "daemon/manager_link.hpp"

#include "systemd/notify.hpp"

namespace ostler
{
namespace
{

constexpr std::chrono::seconds longer{
    15}; // asked for anew every second while we start, reload or stop

} // namespace

void ManagerLink::tell(const std::string& state)
{
    if (managed_)
        keeper_.notify(state);
}

void ManagerLink::starting(const std::string& sentence, bool hopeless)
{
    tell(hopeless ? systemd::hopeless(sentence) : systemd::status(sentence));
}

void ManagerLink::ready(const std::string& sentence)
{
    if (phase_ == Phase::stopping)
        return;
    phase_ = Phase::ready;
    tell(systemd::ready(sentence));
}

void ManagerLink::status(const std::string& sentence)
{
    tell(systemd::status(sentence));
}

void ManagerLink::stopping(const std::string& sentence)
{
    phase_ = Phase::stopping;
    tell(systemd::stopping(sentence));
}

void ManagerLink::reloading()
{
    if (phase_ != Phase::ready)
        return;
    phase_ = Phase::reloading;
    const auto now = Clock::now().time_since_epoch();
    tell(systemd::reloading(std::chrono::duration_cast<std::chrono::microseconds>(now)));
}

void ManagerLink::reloaded(const std::string& sentence)
{
    if (phase_ == Phase::reloading)
        ready(sentence);
}

void ManagerLink::beat(Clock::time_point now, bool hopeless)
{
    const bool in_vain = phase_ == Phase::starting && hopeless;
    if (phase_ != Phase::ready && !in_vain)
        tell(systemd::extend_timeout(longer));
    if (!watchdog_ || now - last_watchdog_ < *watchdog_)
        return;
    last_watchdog_ = now;
    tell(systemd::watchdog());
}

} // namespace ostler
