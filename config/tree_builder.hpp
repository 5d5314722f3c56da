// SPDX-License-Identifier: MIT
// Builds the tree from the events of yaml-cpp's parser. A mistake that leaves a tree to go on with
// is reported; one that does not ends the parse with a YAML::ParserException.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include "config/tree.hpp"

namespace ostler::config
{

class TreeBuilder final : public YAML::EventHandler
{
public:
    explicit TreeBuilder(Problems& problems) : problems_{problems} {}
    [[nodiscard]] ValuePtr root() const { return root_; }
    // Where the last value in quotes begins.
    [[nodiscard]] const std::optional<YAML::Mark>& last_quoted() const { return last_quoted_; }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override;
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override;
    void OnMapEnd() override;

private:
    // A list or map that is not at its end yet.
    struct Open {
        std::shared_ptr<Value> node;
        YAML::anchor_t anchor = 0;
        YAML::Mark mark;
        ValuePtr key; // of the map's entry whose value comes next
        std::unordered_map<std::string, Place> seen;
        std::vector<Entry> merged; // what `<<` named, the first of each key
        std::unordered_set<std::string> merged_keys;
    };

    void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor);
    void close();
    void finish(ValuePtr node, const YAML::Mark& mark, YAML::anchor_t anchor);
    void add(ValuePtr node, const YAML::Mark& mark);
    void add_entry(Open& map, ValuePtr value);
    void merge(Open& map, const Entry& entry);
    void merge_from(Open& map, const Entry& entry, const Value& source);
    [[nodiscard]] bool usable_key(const ValuePtr& key);
    [[nodiscard]] bool seen_before(Open& map, const ValuePtr& key);
    [[nodiscard]] std::string path(std::string_view key) const;

    Problems& problems_;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, ValuePtr> anchors_;
    ValuePtr root_;
    std::optional<YAML::Mark> last_quoted_;
};

} // namespace ostler::config
