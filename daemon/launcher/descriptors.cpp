// SPDX-License-Identifier: MIT
// Puts the received descriptors where the worker wants them. Sources and targets may overlap, so
// everything moves out of the way first; what the plan does not place is closed.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/close_range.h>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{
namespace
{

using namespace wire::plan;

struct Move {
    int from;
    int to;
};

class Moves
{
public:
    explicit Moves(const View& plan)
    {
        for (const Placement& placement : plan.descriptors)
            add(placement.index, placement.target);
        add_standard(plan.head.in_kind, plan.head.in_index, STDIN_FILENO);
        add_standard(plan.head.out_kind, plan.head.out_index, STDOUT_FILENO);
        add_standard(plan.head.err_kind, plan.head.err_index, STDERR_FILENO);
    }
    // The first number above everything that is received or placed.
    [[nodiscard]] int clear_of_all() const
    {
        int highest = report_fd;
        for (const Move& move : *this)
            highest = std::max({highest, move.from, move.to});
        return highest + 1;
    }
    [[nodiscard]] Move* begin() { return moves_; }
    [[nodiscard]] Move* end() { return moves_ + count_; }
    [[nodiscard]] const Move* begin() const { return moves_; }
    [[nodiscard]] const Move* end() const { return moves_ + count_; }

private:
    void add(std::uint32_t index, int target)
    {
        moves_[count_++] = {first_fd + static_cast<int>(index), target};
    }
    void add_standard(std::uint32_t kind, std::uint32_t index, int target)
    {
        if (OutputKind{kind} == OutputKind::descriptor)
            add(index, target);
    }
    Move moves_[max_descriptors + 3];
    std::size_t count_ = 0;
};

// A copy at `clear` or above, closed by exec. The original stays: it may be placed twice.
int lift(int& fd, int clear)
{
    const int lifted = ::fcntl(fd, F_DUPFD_CLOEXEC, clear);
    if (lifted >= 0)
        fd = lifted;
    return error_of(lifted);
}

} // namespace

int place_descriptors(Launch& launch)
{
    Moves moves{launch.plan};
    const int clear = moves.clear_of_all();
    int report = launch.report.get();
    if (const int error = lift(report, clear))
        return error;
    launch.report.reset(report);
    for (Move& move : moves)
        if (const int error = lift(move.from, clear))
            return error;
    ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(clear) - 1, 0);
    ::close_range(static_cast<unsigned>(clear), ~0U, CLOSE_RANGE_CLOEXEC);
    for (const Move& move : moves)
        if (::dup2(move.from, move.to) < 0)
            return errno;
    return 0;
}

} // namespace ostler::launcher
