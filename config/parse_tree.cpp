// SPDX-License-Identifier: MIT
// From bytes to the tree: what is not text, and what is not YAML, is found here.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/tree_builder.hpp"
#include "ipc/text/utf8.hpp"

namespace ostler::config
{

namespace
{

constexpr const char* example = "it needs at least `pools: {hello: {exec: /path/to/program}}`";

Place place_at(std::string_view text, std::size_t offset)
{
    Place place{1, 1};
    for (const char c : text.substr(0, offset))
        if (c == '\n')
            place = {place.line + 1, 1};
        else
            ++place.column;
    return place;
}

// yaml-cpp looks ahead through nested brackets in quadratic time before it hands out the first of
// them: a megabyte of `[` takes it half a minute. No spec has so many open at once, wherever they
// stand.
std::optional<std::size_t> first_bracket_too_deep(std::string_view text)
{
    constexpr int deepest = 1000;
    int depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == '[' || text[at] == '{') {
            if (++depth > deepest)
                return at;
        } else if ((text[at] == ']' || text[at] == '}') && depth > 0)
            --depth;
    return std::nullopt;
}

bool is_readable(const std::string& text, Problems& problems)
{
    if (text.size() > longest_text) {
        problems.add(
            {}, "",
            fmt::format("is larger than {} MiB: this cannot be a spec", longest_text >> 20));
        return false;
    }
    if (const auto bad = text::first_byte_not_text(text)) {
        problems.add(place_at(text, *bad), "",
                     fmt::format("byte 0x{:02x} is not text: the spec must be written in UTF-8, "
                                 "without control characters",
                                 static_cast<unsigned char>(text[*bad])));
        return false;
    }
    if (const auto bracket = first_bracket_too_deep(text)) {
        problems.add(place_at(text, *bracket), "", "more than 1000 brackets are open here");
        return false;
    }
    return true;
}

// Whether the value in quotes that begins here has an end. A backslash hides what follows in `"`,
// and '' is an apostrophe in '.
bool ends_in_quotes(std::string_view rest)
{
    const auto begin = rest.find_first_of("\"'"); // after an anchor, if it has one
    if (begin == std::string_view::npos)
        return true;
    const char quote_mark = rest[begin];
    const auto hides_next = [&](std::size_t at) {
        return quote_mark == '"' ? rest[at] == '\\' : rest.substr(at, 2) == "''";
    };
    for (std::size_t at = begin + 1; at < rest.size(); ++at)
        if (hides_next(at))
            ++at;
        else if (rest[at] == quote_mark)
            return true;
    return false;
}

// yaml-cpp takes an end of file right after a line end for the closing quote. A spec that is torn
// there must not be taken for a whole one.
void check_last_quote(const TreeBuilder& builder, std::string_view text)
{
    const auto& begin = builder.last_quoted();
    if (begin && !ends_in_quotes(text.substr(
                     std::min<std::size_t>(static_cast<std::size_t>(begin->pos), text.size()))))
        throw YAML::ParserException(*begin, "the quote that opens here is never closed");
}

ValuePtr build(const std::string& text, Problems& problems)
{
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    TreeBuilder builder{problems};
    parser.HandleNextDocument(builder);
    check_last_quote(builder, text);
    Problems ignored;
    TreeBuilder second{ignored};
    if (builder.root() && parser.HandleNextDocument(second) && second.root())
        problems.add(second.root()->place, "",
                     "a second document begins here: a spec is one document, remove the `---`");
    return builder.root();
}

// At the end of a file without a line end, yaml-cpp forgets the column.
Place place_of(const YAML::Mark& mark, std::string_view text)
{
    const bool at_end = static_cast<std::size_t>(mark.pos) == text.size();
    return at_end ? place_at(text, text.size()) : Place{mark.line + 1, mark.column + 1};
}

} // namespace

ValuePtr parse_tree(const std::string& text, Problems& problems)
{
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (!is_readable(text, problems))
        return nullptr;
    if (text.starts_with(byte_order_mark)) // places are those of the text after it
        return parse_tree(text.substr(byte_order_mark.size()), problems);
    try {
        ValuePtr root = build(text, problems);
        if (root && root->kind == Value::Kind::map)
            return root;
        const bool empty = !root || root->kind == Value::Kind::nothing;
        problems.add(root && !empty ? root->place : Place{}, "",
                     fmt::format("{}: {}", empty ? "is empty" : "is not a map of keys", example));
    } catch (const YAML::Exception& wrong) {
        problems.add(place_of(wrong.mark, text), "", "cannot be read as YAML: " + wrong.msg);
    }
    return nullptr;
}

} // namespace ostler::config
