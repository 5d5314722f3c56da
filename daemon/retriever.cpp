// SPDX-License-Identifier: MIT
#include "daemon/retriever.hpp"

#include <algorithm>
#include <limits>
#include <spdlog/spdlog.h>
#include <utility>

namespace ostler
{
namespace
{

constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

} // namespace

Retriever::Retriever(boost::asio::any_io_executor executor, const Lanes& lanes, std::string socket,
                     Hooks hooks)
    : executor_{executor},
      lanes_{lanes},
      socket_{std::move(socket)},
      hooks_{std::move(hooks)},
      timer_{executor}
{
}

void Retriever::look_soon()
{
    if (looking_)
        return;
    looking_ = true;
    timer_.expires_after(interval);
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        looking_ = false;
        if (!error)
            look();
    }));
}

void Retriever::look()
{
    const auto now = Clock::now();
    for (Lane* lane : lanes_) {
        if (lane->waiting() == 0)
            continue;
        look_soon();
        look_behind(*lane, now);
    }
    if (!away_.empty())
        look_soon();
    hooks_.looked();
    look_for_stuck(now);
}

void Retriever::look_behind(Lane& lane, Clock::time_point now)
{
    if (lane.being_retrieved() || lane.route() == Lane::Route::closed || lane.waiting() == 0)
        return;
    const bool overdue = lane.overdue(now);
    if (overdue)
        lane.doubt(now);
    else if (!lane.busy(now))
        return;
    if (!lanes_.another(lane, now, overdue ? Lanes::Spare::room : Lanes::Spare::idle))
        return;
    lane.retrieving();
    send(std::make_unique<Errand>(Errand{lane.queue().ends(), 1, {}, false}), lane.number());
}

void Retriever::fetch_all(Lane& lane)
{
    lane.retrieving();
    send(std::make_unique<Errand>(Errand{lane.queue().ends(), everything, {}, false}),
         lane.number());
}

void Retriever::again()
{
    for (auto& errand : std::exchange(starved_, {}))
        send(std::move(errand), 0);
}

void Retriever::send(std::unique_ptr<Errand> errand, std::uint64_t lane)
{
    const std::uint64_t number = ++last_errand_;
    away_.push_back({.number = number, .lane = lane, .since = Clock::now()});
    errand_runner(executor_).run(std::move(errand), executor_,
                                 alive_.guard([this, number](std::unique_ptr<Errand> back) {
                                     came_back(number, std::move(back));
                                 }));
    look_soon();
}

void Retriever::came_back(std::uint64_t number, std::unique_ptr<Errand> errand)
{
    const auto away = std::find_if(away_.begin(), away_.end(),
                                   [&](const Away& one) { return one.number == number; });
    Lane* lane = lanes_.find(away->lane);
    away_.erase(away);
    if (lane)
        lane->retrieved(errand->found.size());
    for (TakenBack& connection : std::exchange(errand->found, {}))
        hooks_.place(std::move(connection), lane);
    if (errand->starved && errand->at_most == everything) {
        starved_.push_back(std::move(errand));
        return hooks_.starved();
    }
    if (lane)
        look_behind(*lane, Clock::now());
}

void Retriever::look_for_stuck(Clock::time_point now)
{
    // By index and anew each time: who is told may remove its lane, or send errands.
    for (std::size_t i = 0; i < away_.size(); ++i) {
        if (away_[i].told || now - away_[i].since < patience)
            continue;
        away_[i].told = true;
        if (Lane* lane = lanes_.find(away_[i].lane)) {
            spdlog::error("worker {} keeps its queue of socket {} locked: it has to be ended",
                          lane->owner().label(), socket_);
            lane->owner().intake_stuck(socket_);
        }
    }
}

} // namespace ostler
