// SPDX-License-Identifier: MIT
#include "config/tree_builder.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>

namespace ostler::config
{

namespace
{

using Kind = Value::Kind;

Place place_of(const YAML::Mark& mark)
{
    return {mark.line + 1, mark.column + 1};
}

void bound(const Size& size, const YAML::Mark& mark)
{
    if (size.depth > largest.depth)
        throw YAML::ParserException(
            mark, fmt::format("lists and maps are nested more than {} deep", largest.depth));
    if (size.nodes > largest.nodes || size.bytes > largest.bytes)
        throw YAML::ParserException(
            mark,
            fmt::format("with its aliases written out this is larger than {} values or {} MiB",
                        largest.nodes, largest.bytes >> 20));
}

bool merges(const Value& key)
{
    return key.text == "<<" && !key.in_quotes;
}

} // namespace

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor)
{
    auto node = std::make_shared<Value>();
    node->place = place_of(mark);
    finish(std::move(node), mark, anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor)
{
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end())
        throw YAML::ParserException(mark, "this alias is within what it stands for");
    add(target->second, mark);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value)
{
    auto node = std::make_shared<Value>();
    node->kind = Kind::text;
    node->place = place_of(mark);
    node->in_quotes = tag == "!";
    if (node->in_quotes)
        last_quoted_ = mark;
    node->text = value;
    node->size.bytes = value.size();
    finish(std::move(node), mark, anchor);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value)
{
    open(Kind::list, mark, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value)
{
    open(Kind::map, mark, anchor);
}

void TreeBuilder::open(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor)
{
    bound({.depth = open_.size() + 1}, mark);
    auto node = std::make_shared<Value>();
    node->kind = kind;
    node->place = place_of(mark);
    open_.push_back({.node = std::move(node), .anchor = anchor, .mark = mark});
}

// What the map says itself wins over what it merges, wherever the `<<` stands.
void TreeBuilder::OnMapEnd()
{
    Open& map = open_.back();
    for (Entry& entry : map.merged)
        if (!map.seen.contains(entry.key))
            map.node->entries.push_back(std::move(entry));
    close();
}

void TreeBuilder::close()
{
    const Open done = std::move(open_.back());
    open_.pop_back();
    finish(done.node, done.mark, done.anchor);
}

void TreeBuilder::finish(ValuePtr node, const YAML::Mark& mark, YAML::anchor_t anchor)
{
    if (anchor != YAML::NullAnchor)
        anchors_[anchor] = node;
    add(std::move(node), mark);
}

void TreeBuilder::add(ValuePtr node, const YAML::Mark& mark)
{
    bound(node->size, mark);
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    Open& parent = open_.back();
    parent.node->size.contain(node->size);
    bound(parent.node->size, mark);
    if (parent.node->kind == Kind::list)
        parent.node->items.push_back(std::move(node));
    else if (!parent.key)
        parent.key = std::move(node);
    else
        add_entry(parent, std::move(node));
}

// yaml-cpp sees a value that is not there where the next thing begins, perhaps lines below: it is
// looked for at its key.
void TreeBuilder::add_entry(Open& map, ValuePtr value)
{
    const ValuePtr key = std::exchange(map.key, nullptr);
    if (!usable_key(key) || seen_before(map, key))
        return;
    if (value->kind == Kind::nothing) {
        auto here = std::make_shared<Value>(*value);
        here->place = key->place;
        value = std::move(here);
    }
    Entry entry{key->text, key->place, {}, std::move(value)};
    if (merges(*key))
        merge(map, entry);
    else
        map.node->entries.push_back(std::move(entry));
}

// `<<: *a`, or `<<: [*a, *b]`, of which the first wins.
void TreeBuilder::merge(Open& map, const Entry& entry)
{
    if (entry.value->kind != Kind::list)
        return merge_from(map, entry, *entry.value);
    for (const ValuePtr& source : entry.value->items)
        merge_from(map, entry, *source);
}

void TreeBuilder::merge_from(Open& map, const Entry& entry, const Value& source)
{
    if (source.kind != Kind::map)
        problems_.add(entry.place, path("<<"), "expected a map, or a list of maps, to merge");
    for (const Entry& merged : source.entries)
        if (map.merged_keys.insert(merged.key).second)
            map.merged.push_back(merged);
}

bool TreeBuilder::usable_key(const ValuePtr& key)
{
    if (key->kind == Kind::text)
        return true;
    problems_.add(key->place, path(""), "expected a name before the colon");
    return false;
}

bool TreeBuilder::seen_before(Open& map, const ValuePtr& key)
{
    const auto [first, fresh] = map.seen.emplace(key->text, key->place);
    if (!fresh)
        problems_.add(key->place, path(key->text),
                      fmt::format("is already there in line {}: remove or rename one of them",
                                  first->second.line));
    return !fresh;
}

std::string TreeBuilder::path(std::string_view key) const
{
    std::string out;
    for (const Open& level : open_)
        if (level.node->kind == Kind::list)
            out += fmt::format("[{}]", level.node->items.size());
        else if (level.key)
            out += (out.empty() ? "" : ".") + printable(level.key->text);
    if (key.empty())
        return out;
    return out + (out.empty() ? "" : ".") + printable(key);
}

} // namespace ostler::config
