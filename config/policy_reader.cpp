// SPDX-License-Identifier: MIT
// How a pool is supervised: ready, restart, stop, rollout, messages.
#include <algorithm>
#include <array>

#include "config/readers.hpp"
#include "config/scalars.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

template <auto Member>
void positive(const Cursor& at, typename MemberOf<decltype(Member)>::Owner& owner)
{
    read_positive_duration(at, owner.*Member);
}

template <auto Member>
void exit_codes(const Cursor& at, typename MemberOf<decltype(Member)>::Owner& owner)
{
    read_whole_list(at, owner.*Member, {0, 255});
}

void read_when(const Cursor& at, Ready& ready)
{
    if (at.kind() == Value::Kind::map)
        at.complain("a probe is designed, but not built yet: use spawned, online, listening or "
                    "notify");
    else
        read(at, ready.when);
}
constexpr Key<Ready> ready_keys[] = {
    {"when", read_when},
    {"timeout", positive<&Ready::timeout>},
};

void read_factor(const Cursor& at, Backoff& backoff)
{
    const auto text = at.text("a number from 1 to 100");
    const auto number = text ? parse_number(*text) : std::nullopt;
    if (number && *number >= 1 && *number <= 100)
        backoff.factor = *number;
    else if (text)
        at.expected("a number from 1 to 100");
}

void read_jitter(const Cursor& at, Backoff& backoff)
{
    read_percent(at, backoff.jitter);
}
constexpr Key<Backoff> backoff_keys[] = {
    {"initial", member<&Backoff::initial>},
    {"next", positive<&Backoff::next>},
    {"factor", read_factor},
    {"max", positive<&Backoff::max>},
    {"jitter", read_jitter},
    {"reset_after", positive<&Backoff::reset_after>},
};

constexpr Key<Budget> budget_keys[] = {
    {"restarts", whole<&Budget::restarts, 0, 1'000'000>},
    {"within", positive<&Budget::within>},
    {"then", member<&Budget::then>},
};

constexpr Key<Stop> stop_keys[] = {
    {"delay", member<&Stop::delay>},
    {"drain", member<&Stop::drain>},
    {"signal", [](const Cursor& at, Stop& stop) { read_signal(at, stop.signal); }},
    {"kill_after", member<&Stop::kill_after>},
};

void read_unavailable(const Cursor& at, Rollout&)
{
    const auto number = whole_number(at, {0, 1024});
    if (number && *number > 0)
        at.complain("more than 0 is designed, but not built yet: write 0, and surge: 0 to stop the "
                    "old worker before the new one starts");
}
constexpr Key<Rollout> rollout_keys[] = {
    {"surge", whole<&Rollout::surge, 0, 1024>},     {"unavailable", read_unavailable},
    {"min_healthy", member<&Rollout::min_healthy>}, {"deadline", positive<&Rollout::deadline>},
    {"on_failure", member<&Rollout::on_failure>},
};

template <auto Member>
void size_to_16m(const Cursor& at, Messages& messages)
{
    constexpr const char* wanted = "a size from 1K to 16M";
    const auto text = at.text(wanted);
    const auto size = text ? parse_size(*text) : std::nullopt;
    if (size && *size >= 1 << 10 && *size <= 16 << 20)
        messages.*Member = *size;
    else if (text)
        at.expected(wanted);
}
constexpr Key<Messages> messages_keys[] = {
    {"limit", size_to_16m<&Messages::limit>},
    {"waiting", size_to_16m<&Messages::waiting>},
    {"patience", positive<&Messages::patience>},
};

constexpr Key<Restart> restart_keys[] = {
    {"policy", member<&Restart::policy>},
    {"backoff", member<&Restart::backoff>},
    {"budget", member<&Restart::budget>},
    {"success_codes", exit_codes<&Restart::success_codes>},
    {"stay_down_codes", exit_codes<&Restart::stay_down_codes>},
};

} // namespace

void read(const Cursor& at, Ready& into)
{
    read_map<Ready>(at, into, ready_keys);
}

void read(const Cursor& at, Backoff& into)
{
    read_map<Backoff>(at, into, backoff_keys);
    if (into.max < into.next || into.max < into.initial)
        at.nearest({"max"}).complain("`max` must not be shorter than `next` and `initial`");
}

void read(const Cursor& at, Budget& into)
{
    read_map<Budget>(at, into, budget_keys);
}

void read(const Cursor& at, Restart& into)
{
    read_map<Restart>(at, into, restart_keys);
}

void read(const Cursor& at, Messages& into)
{
    read_map<Messages>(at, into, messages_keys);
}

void read(const Cursor& at, Stop& into)
{
    read_map<Stop>(at, into, stop_keys);
}

void read(const Cursor& at, Rollout& into)
{
    read_map<Rollout>(at, into, rollout_keys);
}

} // namespace ostler::config
