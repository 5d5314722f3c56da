// SPDX-License-Identifier: MIT
#include "daemon/logs.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <unistd.h>
#include <utility>

#include "ipc/os/alive.hpp"

namespace ostler
{
namespace
{

constexpr int reads_per_turn = 16; // so that one who prints without end does not hold the loop

struct Source {
    std::string pool;
    unsigned slot;
    std::uint64_t worker;
    Stream stream;
};

std::int64_t microseconds_now()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

bool matches(const Logs::Filter& filter, const LogLine& line)
{
    return (filter.pool.empty() || filter.pool == line.pool) &&
           (!filter.slot || *filter.slot == line.slot) &&
           (filter.worker == 0 || filter.worker == line.worker);
}

// The last lines of one slot.
class Ring
{
public:
    void add(const LogLine& line)
    {
        lines_.push_back(line);
        bytes_ += line.text.size();
        while (bytes_ > Logs::max_slot_bytes && lines_.size() > 1) {
            bytes_ -= lines_.front().text.size();
            lines_.pop_front();
        }
    }
    [[nodiscard]] const std::deque<LogLine>& lines() const { return lines_; }

private:
    std::deque<LogLine> lines_;
    std::size_t bytes_ = 0;
};

// Cuts what one pipe brings into lines.
class Lines
{
public:
    using Emit = std::function<void(std::string text)>;

    void feed(std::string_view bytes, const Emit& emit)
    {
        while (!bytes.empty()) {
            const std::size_t end = std::min(bytes.find('\n'), bytes.size());
            take(bytes.substr(0, end));
            if (end == bytes.size())
                return;
            finish(emit);
            bytes.remove_prefix(end + 1);
        }
    }
    void flush(const Emit& emit)
    {
        if (!partial_.empty())
            finish(emit);
    }

private:
    // What is longer than a line may be is cut off, not spread over several.
    void take(std::string_view piece)
    {
        partial_.append(piece.substr(0, Logs::max_line_bytes -
                                            std::min(partial_.size(), Logs::max_line_bytes)));
    }
    void finish(const Emit& emit) { emit(std::exchange(partial_, {})); }

    std::string partial_;
};

class Capture
{
public:
    Capture(boost::asio::any_io_executor executor, os::UniqueFd pipe, Source from)
        : source{std::move(from)}, pipe_{std::move(executor), pipe.release()}
    {
    }

    template <typename Read>
    void wait(Read ready)
    {
        pipe_.async_wait(
            boost::asio::posix::stream_descriptor::wait_read,
            alive_.guard([ready = std::move(ready)](boost::system::error_code error) mutable {
                if (!error)
                    ready();
            }));
    }
    [[nodiscard]] int fd() { return pipe_.native_handle(); }

    Source source;
    Lines lines;

private:
    boost::asio::posix::stream_descriptor pipe_;
    os::Alive alive_;
};

class LoopLogs final : public Logs
{
public:
    explicit LoopLogs(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    void capture(os::UniqueFd pipe, std::string pool, unsigned slot, std::uint64_t worker,
                 Stream stream) override
    {
        captures_.emplace_back(executor_, std::move(pipe),
                               Source{std::move(pool), slot, worker, stream});
        wait(std::prev(captures_.end()));
    }
    void set_sink(Sink sink) override { sink_ = std::move(sink); }
    [[nodiscard]] std::vector<LogLine> tail(const Filter& filter, std::size_t count) const override;
    Follower follow(Filter filter, Sink sink) override
    {
        followers_.emplace(++last_follower_, std::pair{std::move(filter), std::move(sink)});
        return last_follower_;
    }
    void unfollow(Follower follower) override { followers_.erase(follower); }
    void forget_pool(const std::string& pool) override
    {
        std::erase_if(rings_, [&](const auto& entry) { return entry.first.first == pool; });
    }

private:
    using Captures = std::list<Capture>;

    void wait(Captures::iterator capture)
    {
        capture->wait([this, capture] { read(capture); });
    }
    void read(Captures::iterator capture);
    void end(Captures::iterator capture);
    void add(const Source& source, std::string text);

    boost::asio::any_io_executor executor_;
    Sink sink_;
    std::uint64_t last_number_ = 0;
    Follower last_follower_ = 0;
    std::map<Follower, std::pair<Filter, Sink>> followers_;
    std::map<std::pair<std::string, unsigned>, Ring> rings_; // by pool and slot
    Captures captures_;
};

void LoopLogs::read(Captures::iterator capture)
{
    std::array<char, 16 * 1024> buffer;
    const auto emit = [this, capture](std::string text) { add(capture->source, std::move(text)); };
    for (int turn = 0; turn < reads_per_turn; ++turn) {
        const ssize_t size = ::read(capture->fd(), buffer.data(), buffer.size());
        if (size < 0 && errno == EAGAIN)
            return wait(capture);
        if (size <= 0)
            return end(capture);
        capture->lines.feed({buffer.data(), static_cast<std::size_t>(size)}, emit);
    }
    wait(capture);
}

void LoopLogs::end(Captures::iterator capture)
{
    capture->lines.flush(
        [this, capture](std::string text) { add(capture->source, std::move(text)); });
    captures_.erase(capture);
}

void LoopLogs::add(const Source& source, std::string text)
{
    const LogLine line{++last_number_, microseconds_now(), source.pool,    source.slot,
                       source.worker,  source.stream,      std::move(text)};
    rings_[{source.pool, source.slot}].add(line);
    if (sink_)
        sink_(line);
    const auto followers = followers_; // one may leave while it is told
    for (const auto& [id, follower] : followers)
        if (matches(follower.first, line) && followers_.contains(id))
            follower.second(line);
}

std::vector<LogLine> LoopLogs::tail(const Filter& filter, std::size_t count) const
{
    std::vector<LogLine> found;
    for (const auto& [place, ring] : rings_)
        std::copy_if(ring.lines().begin(), ring.lines().end(), std::back_inserter(found),
                     [&](const LogLine& line) { return matches(filter, line); });
    std::sort(found.begin(), found.end(),
              [](const LogLine& one, const LogLine& other) { return one.number < other.number; });
    if (found.size() > count)
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(count));
    return found;
}

} // namespace

std::unique_ptr<Logs> Logs::make(boost::asio::any_io_executor executor)
{
    return std::make_unique<LoopLogs>(std::move(executor));
}

} // namespace ostler
