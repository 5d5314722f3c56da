// SPDX-License-Identifier: MIT
#include "daemon/keeper/table.hpp"

#include <algorithm>

namespace ostler::keeper
{
namespace
{

bool free(const Worker& worker)
{
    return worker.state == State::free;
}

} // namespace

Worker* Table::find(std::uint64_t id)
{
    Worker* found =
        std::find_if(begin(), end(), [&](const Worker& w) { return !free(w) && w.id == id; });
    return found == end() ? nullptr : found;
}

Worker* Table::find_running(pid_t pid)
{
    Worker* found = std::find_if(
        begin(), end(), [&](const Worker& w) { return w.state == State::running && w.pid == pid; });
    return found == end() ? nullptr : found;
}

bool Table::full() const
{
    return used_ == capacity && std::none_of(workers_, workers_ + used_, free);
}

void Table::add(std::uint64_t id, pid_t pid)
{
    Worker* place = std::find_if(begin(), end(), free);
    if (place == end())
        ++used_;
    *place = {.id = id, .pid = pid, .state = State::running};
}

bool Table::ended(const siginfo_t& end)
{
    Worker* worker = find_running(end.si_pid);
    if (worker == nullptr)
        return false;
    worker->code = end.si_code;
    worker->status = end.si_status;
    worker->state = State::unsaid;
    return true;
}

void Table::acknowledged(std::uint64_t id)
{
    const Worker* worker = find(id);
    if (worker != nullptr && (worker->state == State::said || worker->state == State::repeated))
        forget(id);
}

void Table::repeat()
{
    for (Worker& worker : *this)
        if (worker.state == State::said)
            worker.state = State::repeated;
}

void Table::forget(std::uint64_t id)
{
    if (Worker* worker = find(id))
        *worker = {};
    while (used_ > 0 && free(workers_[used_ - 1]))
        --used_;
}

} // namespace ostler::keeper
