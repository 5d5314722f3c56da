// SPDX-License-Identifier: MIT
// From bytes to the tree: what is not text, and what is not YAML, is found here.
#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/tree_builder.hpp"
#include "config/utf8.hpp"

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

bool is_text(const std::string& text, Problems& problems)
{
    if (text.size() > longest_text) {
        problems.add(
            {}, "",
            fmt::format("is larger than {} MiB: this cannot be a spec", longest_text >> 20));
        return false;
    }
    if (const auto bad = first_byte_not_text(text)) {
        problems.add(place_at(text, *bad), "",
                     fmt::format("byte 0x{:02x} is not text: the spec must be written in UTF-8, "
                                 "without control characters",
                                 static_cast<unsigned char>(text[*bad])));
        return false;
    }
    return true;
}

// The last line of a torn file is where the parser gives up, which may be past its end.
NodePtr build(const std::string& text, Problems& problems)
{
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    TreeBuilder builder{problems};
    parser.HandleNextDocument(builder);
    Problems ignored;
    TreeBuilder second{ignored};
    if (builder.root() && parser.HandleNextDocument(second) && second.root())
        problems.add(second.root()->place, "",
                     "a second document begins here: a spec is one document, remove the `---`");
    return builder.root();
}

} // namespace

NodePtr parse_tree(const std::string& text, Problems& problems)
{
    if (!is_text(text, problems))
        return nullptr;
    try {
        NodePtr root = build(text, problems);
        if (root && root->kind == Node::Kind::map)
            return root;
        const bool empty = !root || root->kind == Node::Kind::nothing;
        problems.add(root && !empty ? root->place : Place{}, "",
                     fmt::format("{}: {}", empty ? "is empty" : "is not a map of keys", example));
    } catch (const YAML::Exception& wrong) {
        problems.add({wrong.mark.line + 1, wrong.mark.column + 1}, "",
                     "cannot be read as YAML: " + wrong.msg);
    }
    return nullptr;
}

} // namespace ostler::config
