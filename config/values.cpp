// SPDX-License-Identifier: MIT
#include "config/values.hpp"

#include <algorithm>

#include "config/scalars.hpp"

namespace ostler::config
{

namespace
{

constexpr const char* duration_form = "a duration with a unit, like 250ms, 30s or 1m30s";
constexpr const char* not_built_yet = "is designed, but not built yet";

// Reads by one of the pure parsers.
template <typename T, typename Parse>
void read_by(Parse parse, const Cursor& at, T& into, const std::string& what)
{
    const auto text = at.text(what);
    if (!text)
        return;
    if (const auto value = parse(*text))
        into = *value;
    else
        at.expected(what);
}

} // namespace

void refuse_key(const Cursor& at, std::span<const std::string_view> not_built,
                const std::vector<std::string_view>& known)
{
    if (std::ranges::count(not_built, at.key()) > 0)
        at.complain_of_key(fmt::format("{}: remove it", not_built_yet));
    else
        at.complain_of_key("unknown key" + suggestion(at.key(), known));
}

void read(const Cursor& at, bool& into)
{
    const auto text = at.text("true or false");
    if (text && *text != "true" && *text != "false")
        at.expected("true or false");
    else if (text)
        into = *text == "true";
}

void read(const Cursor& at, Duration& into)
{
    read_by(parse_duration, at, into, duration_form);
}

void read_positive_duration(const Cursor& at, Duration& into)
{
    Duration value{-1};
    read(at, value);
    if (value == Duration{0})
        at.complain("must be longer than 0");
    else if (value > Duration{0})
        into = value;
}

void read(const Cursor& at, std::string& into)
{
    if (auto text = at.text("a string"))
        into = std::move(*text);
}

void read_text_for_workers(const Cursor& at, std::string& into)
{
    if (auto text = at.text("a string", Filling::for_workers))
        into = std::move(*text);
}

void read_percent(const Cursor& at, double& into)
{
    read_by(parse_percent, at, into, "a percentage from 0% to 100%");
}

// Without the quotes some YAML tools make 432 of 0660.
void read_mode(const Cursor& at, mode_t& into)
{
    constexpr const char* what = "an octal mode in quotes, like \"0660\"";
    if (at.kind() == Value::Kind::text && !at.in_quotes())
        return at.complain(
            fmt::format("expected {}, found {} without quotes", what, printable(at.node().text)));
    read_by(parse_mode, at, into, what);
}

void read_signal(const Cursor& at, int& into)
{
    read_by(parse_signal, at, into, "the name of a signal, like SIGTERM");
}

std::optional<std::int64_t> whole_number(const Cursor& at, Range range)
{
    const std::string what = fmt::format("a whole number from {} to {}", range.from, range.to);
    const auto text = at.text(what);
    if (!text)
        return std::nullopt;
    const auto number = parse_whole(*text);
    if (number && range.from <= *number && *number <= range.to)
        return number;
    at.expected(what);
    return std::nullopt;
}

std::optional<std::size_t> choice(const Cursor& at, const std::vector<std::string_view>& words,
                                  std::span<const std::string_view> not_built)
{
    const std::string what = one_of(words);
    const auto text = at.text(what);
    if (!text)
        return std::nullopt;
    const auto found = std::ranges::find(words, *text);
    if (found != words.end())
        return static_cast<std::size_t>(found - words.begin());
    if (std::ranges::count(not_built, *text) > 0)
        at.complain(fmt::format("{} {}: use {}", quote(*text), not_built_yet, what));
    else
        at.complain(
            fmt::format("expected {}, found {}{}", what, quote(*text), suggestion(*text, words)));
    return std::nullopt;
}

} // namespace ostler::config
