// SPDX-License-Identifier: MIT
#include "tests/bench/messages.hpp"

#include <algorithm>
#include <map>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/echo.hpp"
#include "tests/bench/measures.hpp"
#include "tests/bench/table.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

constexpr unsigned wide_window = 64;
constexpr std::size_t most_under_way = 4 << 20; // bytes

struct Size {
    std::size_t bytes;
    const char* name;
};
constexpr Size sizes[] = {
    {64, "64 B"}, {1 << 10, "1 KiB"}, {64 << 10, "64 KiB"}, {1 << 20, "1 MiB"}};

// For as long as it lives, this process and what it starts run on one CPU: a round trip costs ten
// times more across two, whoever makes it.
class OneCpu
{
public:
    OneCpu()
    {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(0, &one);
        if (::sched_getaffinity(0, sizeof before_, &before_) != 0 ||
            ::sched_setaffinity(0, sizeof one, &one) != 0)
            throw std::runtime_error("cannot choose the CPU");
    }
    ~OneCpu() { static_cast<void>(::sched_setaffinity(0, sizeof before_, &before_)); }
    OneCpu(const OneCpu&) = delete;
    OneCpu& operator=(const OneCpu&) = delete;

private:
    cpu_set_t before_;
};

struct Comparison {
    unsigned rounds;
    Milliseconds during;
    std::vector<Line> lines;

    // The medians of interleaved rounds.
    [[nodiscard]] std::map<Line, double> of(const Traffic& traffic) const
    {
        std::map<Line, std::vector<double>> rates;
        for (unsigned round = 0; round < rounds; ++round)
            for (const Line line : lines)
                rates[line].push_back(echoes(line, traffic, during));
        std::map<Line, double> medians;
        for (const auto& [line, values] : rates)
            medians[line] = median(values);
        return medians;
    }
};

using Rates = std::vector<std::map<Line, double>>; // of the columns

void print(const std::string& title, const std::vector<std::string>& columns, const Rates& rates)
{
    Table table{title, columns};
    for (const auto& [line, unused] : rates.front()) {
        std::vector<std::string> cells;
        for (const auto& column : rates)
            cells.push_back(number(column.at(line)));
        table.row(name_of(line), cells);
    }
    table.print();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& rate = rates[i];
        print_promise(columns[i] + ", of the limit", rate.at(Line::ostler) / rate.at(Line::bare),
                      0.6, true);
        if (rate.contains(Line::node))
            print_promise(columns[i] + ", times Node", rate.at(Line::ostler) / rate.at(Line::node),
                          1, true);
    }
}

} // namespace

void compare_messages(unsigned rounds, Milliseconds during, bool with_node)
{
    Comparison comparison{rounds, during, {Line::bare, Line::ostler}};
    if (with_node)
        comparison.lines.push_back(Line::node);
    std::vector<std::string> columns;
    Rates alternating;
    Rates windowed;
    for (const Size& size : sizes) {
        columns.emplace_back(size.name);
        {
            const OneCpu pinned;
            alternating.push_back(comparison.of({.size = size.bytes}));
        }
        const auto window = std::min<std::size_t>(wide_window, most_under_way / size.bytes);
        windowed.push_back(
            comparison.of({.size = size.bytes, .window = static_cast<unsigned>(window)}));
    }
    print("Messages, master to worker and back, one at a time, on one CPU: a second", columns,
          alternating);
    print("The same with 64 on their way (64 KiB and more: 4 MiB)", columns, windowed);
    print("Messages with a connection in each, there; the message back: a second",
          {"one at a time", "16 on the way"},
          {comparison.of({.handles = true}), comparison.of({.window = 16, .handles = true})});
}

} // namespace ostler::bench
