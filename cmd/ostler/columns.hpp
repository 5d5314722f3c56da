// SPDX-License-Identifier: MIT
// Cells to aligned lines, coloured only if wanted. Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cmd/ostler/status_table.hpp"

namespace ostler::cli
{

enum class Tint { none, good, busy, bad, dim };
enum class Side {
    left,
    right,
    after, // the last column, of sentences: on a line of its own where the row would get too wide
};

[[nodiscard]] std::string tinted(const std::string& text, Tint tint, Colour colour);

class Columns
{
public:
    static constexpr std::size_t widest = 100;
    struct Head {
        std::string title;
        Side side = Side::left;
    };
    struct Cell {
        std::string text;
        Tint tint = Tint::none;
    };
    explicit Columns(std::vector<Head> heads) : heads_{std::move(heads)} {}

    void add(std::vector<Cell> cells) { lines_.emplace_back(std::move(cells)); }
    void add_line(std::string whole)
    {
        lines_.emplace_back(std::move(whole));
    } // as it is; a newline is added where none is
    [[nodiscard]] std::string render(Colour colour) const;

private:
    using Row = std::vector<Cell>;
    [[nodiscard]] std::vector<std::size_t> widths() const;
    [[nodiscard]] std::string line(const Row& row, const std::vector<std::size_t>& wide,
                                   Colour colour) const;

    std::vector<Head> heads_;
    std::vector<std::variant<Row, std::string>> lines_;
};

} // namespace ostler::cli
