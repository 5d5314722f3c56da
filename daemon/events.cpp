// SPDX-License-Identifier: MIT
#include "daemon/events.hpp"

#include <chrono>
#include <iterator>
#include <utility>

namespace ostler
{

std::string_view name_of(EventKind kind)
{
    constexpr std::string_view names[] = {"setup",      "fork", "online", "listening",
                                          "disconnect", "exit", "error"};
    static_assert(std::size(names) == static_cast<std::size_t>(EventKind::error) + 1);
    return names[static_cast<std::size_t>(kind)];
}

boost::json::object json_of(const Event& event)
{
    boost::json::object json{{"number", event.number},
                             {"time_us", event.time_us},
                             {"event", name_of(event.kind)},
                             {"pool", event.pool}};
    if (event.worker != 0) {
        json["slot"] = event.slot;
        json["worker"] = event.worker;
    }
    for (const auto& [key, value] : event.details)
        json[key] = value;
    return json;
}

void Events::tell(EventKind kind, Subject subject, boost::json::object details)
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    ring_.push_back({.number = ++last_,
                     .time_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count(),
                     .kind = kind,
                     .pool = std::move(subject.pool),
                     .slot = subject.slot,
                     .worker = subject.worker,
                     .details = std::move(details)});
    if (ring_.size() > kept)
        ring_.pop_front();
    arrived_.notify();
}

} // namespace ostler
