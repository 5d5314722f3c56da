// SPDX-License-Identifier: MIT
// The keeper's two pure parts: its table of workers, and the nurse of the master.
#include <memory>

#include "daemon/keeper/nurse.hpp"
#include "daemon/keeper/table.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::keeper;
using namespace std::chrono_literals;

namespace
{

siginfo_t exit_of(pid_t pid, int code)
{
    siginfo_t end{};
    end.si_pid = pid;
    end.si_code = CLD_EXITED;
    end.si_status = code;
    return end;
}

std::unique_ptr<Table> table_with(std::uint64_t id, pid_t pid)
{
    auto table = std::make_unique<Table>();
    table->add(id, pid);
    return table;
}

} // namespace

TEST_CASE("a worker's exit stays in the table until it is acknowledged")
{
    const auto table = table_with(7, 100);
    REQUIRE(table->find_running(100) == table->find(7));
    CHECK(table->ended(exit_of(100, 3)));

    Worker* worker = table->find(7);
    REQUIRE(worker != nullptr);
    CHECK(worker->state == State::unsaid);
    table->acknowledged(7); // by a master that lies: it was never said
    CHECK(table->find(7) == worker);
    CHECK(worker->code == CLD_EXITED);
    CHECK(worker->status == 3);
    CHECK(table->find_running(100) == nullptr); // the number may be another's by now

    table->said(*worker);
    CHECK(worker->state == State::said);
    table->repeat();
    CHECK(worker->state == State::repeated);
    CHECK(Table::to_say(*worker));

    table->acknowledged(7);
    CHECK(table->find(7) == nullptr);
    CHECK(table->begin() == table->end());
}

TEST_CASE("a running worker cannot be acknowledged away, and a stranger's end is nobody's")
{
    const auto table = table_with(7, 100);
    table->acknowledged(7);
    table->acknowledged(8);
    table->repeat();
    REQUIRE(table->find(7) != nullptr);
    CHECK(table->find(7)->state == State::running);
    CHECK_FALSE(table->ended(exit_of(101, 0)));
    CHECK(table->find_running(100) == table->find(7));
}

TEST_CASE("the table fills up, and a place that is forgotten is used again")
{
    const auto table = std::make_unique<Table>();
    for (std::uint64_t id = 1; id <= Table::capacity; ++id)
        table->add(id, static_cast<pid_t>(id));
    CHECK(table->full());
    table->forget(5);
    CHECK_FALSE(table->full());
    table->add(9000, 9000);
    CHECK(table->full());
    CHECK(table->find(5) == nullptr);
    CHECK(table->find(9000) == table->begin() + 4);
}

TEST_CASE("a master that has never beaten may take its time")
{
    Nurse nurse{true};
    CHECK(nurse.wait(0ms) == -1);
    CHECK(nurse.due(1h) == Care::nothing);
}

TEST_CASE("a master that beats in time never meets the timer")
{
    Nurse nurse{true};
    for (auto now = 0ms; now < 1min; now += 1s) {
        CHECK(nurse.due(now) == Care::nothing);
        nurse.beaten(now);
        CHECK(nurse.wait(now) > 1000);
    }
}

TEST_CASE("five missed beats are answered with an abort, and a second later with a kill")
{
    Nurse nurse{true};
    nurse.beaten(0ms);
    CHECK(nurse.due(1500ms) == Care::nothing);
    CHECK(nurse.due(2500ms) == Care::nothing);
    CHECK(nurse.due(3500ms) == Care::nothing);
    CHECK(nurse.due(4500ms) == Care::nothing);
    CHECK(nurse.due(5499ms) == Care::nothing);
    CHECK(nurse.due(5500ms) == Care::abort);
    nurse.beaten(5600ms); // too late
    CHECK(nurse.due(6499ms) == Care::nothing);
    CHECK(nurse.wait(6499ms) == 1);
    CHECK(nurse.due(6500ms) == Care::kill);
    CHECK(nurse.wait(6500ms) == -1);
    CHECK(nurse.due(1h) == Care::nothing);
}

TEST_CASE("whatever a master says is life, once it has begun to beat")
{
    Nurse nurse{true};
    nurse.heard(0ms);
    CHECK(nurse.wait(0ms) == -1); // not beaten yet: it may take its time
    nurse.beaten(0ms);
    for (auto now = 0ms; now < 1min; now += 1s) {
        CHECK(nurse.due(now) == Care::nothing);
        nurse.heard(now);
    }
    nurse.leaving(1min);
    nurse.heard(1min + 1s);
    CHECK(nurse.due(1min + 5s) == Care::kill);
}

TEST_CASE("a keeper that was stopped itself for an hour counts one missed beat")
{
    Nurse nurse{true};
    nurse.beaten(0ms);
    CHECK(nurse.due(1h) == Care::nothing);
    CHECK(nurse.due(1h + 3s) == Care::nothing);
    nurse.beaten(1h + 3s);
    CHECK(nurse.due(1h + 4s) == Care::nothing);
}

TEST_CASE("a master that has closed its channel must end soon, beaten or not")
{
    Nurse nurse{true};
    nurse.lost(0ms);
    auto now = 0ms;
    Care care = Care::nothing;
    while (care == Care::nothing && now < 1min)
        care = nurse.due(now += std::chrono::milliseconds{nurse.wait(now)});
    CHECK(care == Care::abort);
    CHECK(now == 5500ms);
}

TEST_CASE("a master that said it ends has five seconds for it")
{
    Nurse nurse{true};
    nurse.beaten(0ms);
    nurse.leaving(1s);
    nurse.beaten(2s);
    CHECK(nurse.due(5999ms) == Care::nothing);
    CHECK(nurse.due(6s) == Care::kill);
}

TEST_CASE("without a heartbeat a master is left alone")
{
    Nurse nurse{false};
    nurse.beaten(0ms);
    nurse.lost(0ms);
    nurse.leaving(0ms);
    CHECK(nurse.wait(0ms) == -1);
    CHECK(nurse.due(1h) == Care::nothing);
}
