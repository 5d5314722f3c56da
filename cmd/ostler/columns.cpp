// SPDX-License-Identifier: MIT
#include "cmd/ostler/columns.hpp"

#include <algorithm>

#include "ipc/text/utf8.hpp"

namespace ostler::cli
{
namespace
{

constexpr std::size_t gap = 2;

// Characters, not bytes; each counted as one wide.
std::size_t width_of(const std::string& text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

std::string padded(const Columns::Cell& cell, std::size_t width, Side side, Colour colour)
{
    const std::string space(width - std::min(width, width_of(cell.text)), ' ');
    const std::string shown = tinted(cell.text, cell.tint, colour);
    return side == Side::right ? space + shown : shown + space;
}

void trim(std::string& line)
{
    line.erase(line.find_last_not_of(' ') + 1);
}

} // namespace

std::string tinted(const std::string& text, Tint tint, Colour colour)
{
    constexpr const char* codes[] = {"", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m"};
    if (colour == Colour::no || tint == Tint::none || text.empty())
        return text;
    return codes[static_cast<std::size_t>(tint)] + text + "\x1b[0m";
}

std::vector<std::size_t> Columns::widths() const
{
    std::vector<std::size_t> widths;
    for (const Head& head : heads_)
        widths.push_back(width_of(head.title));
    for (const auto& line : lines_)
        if (const Row* row = std::get_if<Row>(&line))
            for (std::size_t i = 0; i < row->size() && heads_[i].side != Side::after; ++i)
                widths[i] = std::max(widths[i], width_of((*row)[i].text));
    return widths;
}

std::string Columns::line(const Row& row, const std::vector<std::size_t>& wide, Colour colour) const
{
    std::string line;
    std::size_t width = 0; // of what can be seen
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i != 0) {
            line += std::string(gap, ' ');
            width += gap;
        }
        if (heads_[i].side == Side::after && width + width_of(row[i].text) > widest) {
            trim(line);
            line += "\n" + std::string(2 * gap, ' ');
        }
        line += padded(row[i], wide[i], heads_[i].side, colour);
        width += wide[i];
    }
    trim(line);
    return line + "\n";
}

std::string Columns::render(Colour colour) const
{
    const std::vector<std::size_t> wide = widths();
    std::string out;
    Row titles;
    for (const Head& head : heads_)
        titles.push_back({head.title, Tint::dim});
    out += line(titles, wide, colour);
    for (const auto& each : lines_) {
        if (const Row* row = std::get_if<Row>(&each)) {
            out += line(*row, wide, colour);
            continue;
        }
        const std::string& whole = std::get<std::string>(each);
        out += whole + (whole.ends_with('\n') ? "" : "\n");
    }
    return out;
}

} // namespace ostler::cli
