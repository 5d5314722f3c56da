// SPDX-License-Identifier: MIT
#include "daemon/logs.hpp"

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <utility>

#include "daemon/log_ring.hpp"
#include "daemon/output_reader.hpp"

namespace ostler
{
namespace
{

using Place = std::pair<std::string, unsigned>; // pool and slot

std::int64_t now_us()
{
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

LogLine line_of(const Place& place, const LogRing::Entry& entry)
{
    return {entry.number, entry.time_us, place.first,
            place.second, entry.worker,  entry.err ? Stream::err : Stream::out,
            entry.text};
}

class WorkerLogs final : public Logs
{
public:
    explicit WorkerLogs(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    void capture(os::UniqueFd pipe, std::string pool, unsigned slot, std::uint64_t worker,
                 Stream stream) override;
    void set_sink(Sink sink) override { sink_ = std::move(sink); }
    [[nodiscard]] std::vector<LogLine> tail(const Filter& filter, std::size_t count) const override;
    Follower follow(Filter filter, Sink sink) override
    {
        followers_.emplace(++last_follower_, Following{std::move(filter), std::move(sink)});
        return last_follower_;
    }
    void unfollow(Follower follower) override { followers_.erase(follower); }
    void forget_pool(const std::string& pool) override
    {
        std::erase_if(rings_, [&](const auto& entry) { return entry.first.first == pool; });
    }

private:
    struct Following {
        Filter filter;
        Sink sink;
    };
    void keep(const LogLine& line);
    void tell(const LogLine& line);

    boost::asio::any_io_executor executor_;
    Sink sink_;
    std::uint64_t last_number_ = 0;
    std::map<Place, LogRing> rings_; // made with a slot's first line
    Follower last_follower_ = 0;
    std::map<Follower, Following> followers_;
    std::list<OutputReader> readers_;
};

void WorkerLogs::capture(os::UniqueFd pipe, std::string pool, unsigned slot, std::uint64_t worker,
                         Stream stream)
{
    if (!pipe.valid())
        return;
    const auto print = [this, pool = std::move(pool), slot, worker, stream](std::string_view text) {
        const LogLine line{++last_number_, now_us(), pool, slot, worker, stream, std::string{text}};
        keep(line);
        tell(line);
    };
    // Its place is known only once it is made, and its end comes later than that.
    const auto place = std::make_shared<std::list<OutputReader>::iterator>();
    const auto forget = [this, place] { readers_.erase(*place); };
    *place =
        readers_.emplace(readers_.end(), executor_, std::move(pipe), max_line_bytes, print, forget);
}

void WorkerLogs::keep(const LogLine& line)
{
    auto& ring = rings_.try_emplace({line.pool, line.slot}, max_slot_bytes).first->second;
    ring.push({line.number, line.time_us, line.worker, line.stream == Stream::err, line.text});
}

void WorkerLogs::tell(const LogLine& line)
{
    if (sink_)
        sink_(line);
    for (const auto& [id, following] : followers_)
        if (following.filter.covers(line.pool, line.slot, line.worker))
            following.sink(line);
}

std::vector<LogLine> WorkerLogs::tail(const Filter& filter, std::size_t count) const
{
    using Found = std::pair<const Place*, const LogRing::Entry*>;
    std::vector<Found> found;
    for (const auto& [place, ring] : rings_)
        if (filter.covers(place.first, place.second))
            for (const auto& entry : ring.entries())
                if (filter.worker == 0 || filter.worker == entry.worker)
                    found.emplace_back(&place, &entry);
    std::sort(found.begin(), found.end(), [](const Found& one, const Found& other) {
        return one.second->number < other.second->number;
    });
    std::vector<LogLine> lines;
    for (std::size_t i = found.size() - std::min(count, found.size()); i < found.size(); ++i)
        lines.push_back(line_of(*found[i].first, *found[i].second));
    return lines;
}

} // namespace

std::unique_ptr<Logs> Logs::make(boost::asio::any_io_executor executor)
{
    return std::make_unique<WorkerLogs>(std::move(executor));
}

} // namespace ostler
