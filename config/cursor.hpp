// SPDX-License-Identifier: MIT
// A place in the tree while it is read: the value, the path that leads to it, and where to
// complain. Reading goes on after a complaint, so that every mistake is found in one run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "config/tree.hpp"
#include "config/variables.hpp"

namespace ostler::config
{

// What all cursors of one run share.
struct Reading {
    Problems& problems;
    Environment environment;
    std::string folder;                        // of the spec, absolute
    std::size_t text_left = largest.bytes * 4; // for all strings with their variables filled in
};

class Cursor
{
public:
    Cursor(Reading& reading, ValuePtr root)
        : reading_{&reading}, node_{std::move(root)}, key_place_{node_->place}
    {
    }

    [[nodiscard]] Value::Kind kind() const { return node_->kind; }
    [[nodiscard]] bool in_quotes() const { return node_->in_quotes; }
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] Place place() const { return node_->place; }
    [[nodiscard]] Place key_place() const { return key_place_; }
    [[nodiscard]] const Value& node() const { return *node_; }
    [[nodiscard]] Reading& reading() const { return *reading_; }

    void complain(std::string message) const;        // about the value
    void complain_of_key(std::string message) const; // about the key, or what is missing below it
    void expected(const std::string& what) const;    // "expected a whole number, found "many""

    // The text of a scalar, variables filled in. `what` was expected, if it is something else.
    [[nodiscard]] std::optional<std::string> text(const std::string& what,
                                                  Filling filling = Filling::at_once) const;
    // Of a map and a list; empty after a complaint if it is none.
    [[nodiscard]] std::vector<Cursor> entries(const std::string& what = "a map of keys") const;
    [[nodiscard]] std::vector<Cursor> items(const std::string& what = "a list") const;
    // Without a complaint: what is there under this path of keys, or the nearest above it.
    [[nodiscard]] Cursor nearest(std::initializer_list<std::string_view> keys) const;
    [[nodiscard]] bool has(std::string_view key) const { return node_->find(key) != nullptr; }

private:
    [[nodiscard]] Cursor child(const Entry& entry) const;

    Reading* reading_;
    ValuePtr node_;
    Place key_place_;
    std::string key_;
    std::string path_;
};

} // namespace ostler::config
