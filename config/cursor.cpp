// SPDX-License-Identifier: MIT
#include "config/cursor.hpp"

#include <fmt/format.h>

namespace ostler::config
{

namespace
{

std::string seen(const Value& node)
{
    switch (node.kind) {
    case Value::Kind::nothing:
        return "nothing";
    case Value::Kind::list:
        return "a list";
    case Value::Kind::map:
        return "a map";
    case Value::Kind::text:
        break;
    }
    return quote(node.text);
}

} // namespace

void Cursor::complain(std::string message) const
{
    reading_->problems.add(node_->place, path_, std::move(message));
}

void Cursor::complain_of_key(std::string message) const
{
    reading_->problems.add(key_place_, path_, std::move(message));
}

void Cursor::expected(const std::string& what) const
{
    complain(fmt::format("expected {}, found {}", what, seen(*node_)));
}

std::optional<std::string> Cursor::text(const std::string& what, Filling filling) const
{
    if (node_->kind != Value::Kind::text) {
        expected(what);
        return std::nullopt;
    }
    const auto expanded = expand(node_->text, reading_->environment, filling);
    if (!expanded)
        complain(expanded.wrong());
    else if (expanded->find('\0') != std::string::npos)
        complain("contains a NUL character, which no program can be given");
    else if (expanded->size() > reading_->text_left)
        complain("the spec is too large with its variables filled in");
    else {
        reading_->text_left -= expanded->size();
        return *expanded;
    }
    return std::nullopt;
}

Cursor Cursor::child(const Entry& entry) const
{
    Cursor inner{*reading_, entry.value};
    inner.key_ = entry.key;
    inner.key_place_ = entry.place;
    const std::string here = path_.empty() ? "" : path_ + ".";
    inner.path_ = entry.origin.empty() ? here + printable(entry.key) : entry.origin;
    return inner;
}

std::vector<Cursor> Cursor::entries(const std::string& what) const
{
    std::vector<Cursor> out;
    if (node_->kind != Value::Kind::map)
        expected(what);
    for (const Entry& entry : node_->entries)
        out.push_back(child(entry));
    return out;
}

std::vector<Cursor> Cursor::items(const std::string& what) const
{
    std::vector<Cursor> out;
    if (node_->kind != Value::Kind::list)
        expected(what);
    for (const ValuePtr& item : node_->items) {
        Cursor inner{*reading_, item};
        inner.path_ = fmt::format("{}[{}]", path_, out.size());
        out.push_back(std::move(inner));
    }
    return out;
}

Cursor Cursor::nearest(std::initializer_list<std::string_view> keys) const
{
    Cursor here = *this;
    for (const std::string_view key : keys) {
        const Entry* entry = here.node_->find(key);
        if (!entry)
            break;
        here = here.child(*entry);
    }
    return here;
}

} // namespace ostler::config
