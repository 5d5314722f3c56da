// SPDX-License-Identifier: MIT
#include "tests/bench/table.hpp"

#include <cstdio>

namespace ostler::bench
{

namespace
{
constexpr int name_width = 32;
constexpr int cell_width = 13;
} // namespace

Table::Table(std::string title, std::vector<std::string> columns)
    : title_{std::move(title)}, columns_{std::move(columns)}
{
}

void Table::row(const std::string& name, std::vector<std::string> cells)
{
    rows_.push_back({name, std::move(cells)});
}

void Table::print() const
{
    std::printf("\n%s\n%-*s", title_.c_str(), name_width, "");
    for (const std::string& column : columns_)
        std::printf("%*s", cell_width, column.c_str());
    std::printf("\n");
    for (const Row& one : rows_) {
        std::printf("  %-*s", name_width - 2, one.name.c_str());
        for (const std::string& cell : one.cells)
            std::printf("%*s", cell_width, cell.c_str());
        std::printf("\n");
    }
    std::fflush(stdout);
}

std::string number(double value, int digits)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

void print_promise(const std::string& what, double value, double bound, bool at_least,
                   const std::string& unit)
{
    const bool held = at_least ? value >= bound : value <= bound;
    std::printf("  %s  %s: %.3f%s, promised at %s %g%s\n", held ? "held  " : "MISSED", what.c_str(),
                value, unit.c_str(), at_least ? "least" : "most", bound, unit.c_str());
    std::fflush(stdout);
}

} // namespace ostler::bench
