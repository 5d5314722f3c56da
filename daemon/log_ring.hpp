// SPDX-License-Identifier: MIT
// The last lines of one slot, as many as fit into its share of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace ostler
{

class LogRing
{
public:
    struct Entry {
        std::uint64_t number = 0;
        std::int64_t time_us = 0;
        std::uint64_t worker = 0;
        bool err = false;
        std::string text;
    };

    explicit LogRing(std::size_t most_bytes) : most_bytes_{most_bytes} {}

    void push(Entry entry)
    {
        bytes_ += cost(entry);
        entries_.push_back(std::move(entry));
        while (bytes_ > most_bytes_ && entries_.size() > 1) {
            bytes_ -= cost(entries_.front());
            entries_.pop_front();
        }
    }
    [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }

private:
    // What it takes beside its text counts too: empty lines are not free.
    [[nodiscard]] static std::size_t cost(const Entry& entry)
    {
        return sizeof(Entry) + entry.text.size();
    }

    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::deque<Entry> entries_;
};

} // namespace ostler
