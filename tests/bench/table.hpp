// SPDX-License-Identifier: MIT
// Columns of numbers under each other.
#pragma once

#include <string>
#include <vector>

namespace ostler::bench
{

class Table
{
public:
    Table(std::string title, std::vector<std::string> columns);
    void row(const std::string& name, std::vector<std::string> cells);
    void print() const;

private:
    std::string title_;
    std::vector<std::string> columns_;
    struct Row {
        std::string name;
        std::vector<std::string> cells;
    };
    std::vector<Row> rows_;
};

[[nodiscard]] std::string number(double value, int digits = 0);
// "ostler round-robin at 0.91 of the limit (promised: at least 0.75)": held or missed.
void print_promise(const std::string& what, double value, double bound, bool at_least,
                   const std::string& unit = "");

} // namespace ostler::bench
