// SPDX-License-Identifier: MIT
#include <functional>
#include <string>
#include <vector>

#include "config/diff.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::config;
using Lines = std::vector<std::string>;

namespace
{

// Two sockets; api and jobs share web.
Spec example()
{
    Spec spec;
    spec.sockets = {{.name = "web", .listen = {.host = "0.0.0.0", .port = 80, .text = "a"}},
                    {.name = "admin", .listen = {.host = "127.0.0.1", .port = 81, .text = "b"}}};
    spec.pools = {
        {.name = "api", .workers = 4, .program = {.exec = "/bin/api", .sockets = {"web", "admin"}}},
        {.name = "jobs", .workers = 1, .program = {.exec = "/bin/jobs", .sockets = {"web"}}},
    };
    return spec;
}

struct Case {
    const char* what;
    std::function<void(Spec&)> change;
    Lines lines;
};

} // namespace

TEST_CASE("only what changed is touched")
{
    const Case cases[] = {
        {"nothing", [](Spec&) {}, {}},
        {"places and spelling",
         [](Spec& s) {
             s.pools[0].place = {99, 1};
             s.sockets[0].listen.text = "other";
         },
         {}},
        {"a count", [](Spec& s) { s.pools[0].workers = 6; }, {"pool api: 4 → 6 workers"}},
        {"a policy",
         [](Spec& s) { s.pools[0].restart.policy = RestartWhen::never; },
         {"pool api: supervised differently, no worker restarts"}},
        {"an argument",
         [](Spec& s) { s.pools[1].program.args = {"-v"}; },
         {"pool jobs: changed, its workers will be replaced one by one"}},
        {"an argument and a count",
         [](Spec& s) {
             s.pools[1].program.args = {"-v"};
             s.pools[1].workers = 2;
         },
         {"pool jobs: changed, its workers will be replaced one by one",
          "pool jobs: 1 → 2 workers"}},
        {"an option of a socket",
         [](Spec& s) { s.sockets[0].backlog = 5; },
         {"socket web: same address, other options"}},
        {"an address",
         [](Spec& s) { s.sockets[1].listen.port = 82; },
         {"socket admin: another address, will be bound anew",
          "pool api: changed, its workers will be replaced one by one"}},
        {"v6only, which binding fixes",
         [](Spec& s) { s.sockets[1].v6only = true; },
         {"socket admin: another address, will be bound anew",
          "pool api: changed, its workers will be replaced one by one"}},
        {"the way of delivery",
         [](Spec& s) { s.sockets[1].scheduling = Scheduling::shared; },
         {"socket admin: same address, other options",
          "pool api: changed, its workers will be replaced one by one"}},
        {"the same way of delivery, said aloud",
         [](Spec& s) { s.sockets[1].scheduling = Scheduling::round_robin; },
         {"socket admin: same address, other options"}},
        {"a pool that cannot be handed connections joins a socket",
         [](Spec& s) { s.pools[1].program.protocol = Protocol::systemd; },
         {"pool api: changed, its workers will be replaced one by one",
          "pool jobs: changed, its workers will be replaced one by one"}},
        {"a pool less",
         [](Spec& s) { s.pools.pop_back(); },
         {"pool jobs: removed, its workers will drain and stop"}},
        {"a socket and a pool more",
         [](Spec& s) {
             s.sockets.push_back({.name = "new"});
             s.pools.push_back({.name = "more", .program = {.exec = "/bin/x"}});
         },
         {"socket new: new, will be bound", "pool more: new, will be started"}},
        {"a socket less",
         [](Spec& s) {
             s.sockets.pop_back();
             s.pools[0].program.sockets = {"web"};
         },
         {"pool api: changed, its workers will be replaced one by one",
          "socket admin: removed, will be closed"}},
        {"settings of the daemon",
         [](Spec& s) {
             s.log.level = LogLevel::debug;
             s.watch = Watch::never;
             s.ready_when = 1;
             s.control.operate.users = {1000};
         },
         {"setting control: changed, applies at once", "setting log: changed, applies at once",
          "setting watch: changed, applies at once",
          "setting ready_when: changed, applies at once"}},
        {"the control socket",
         [](Spec& s) { s.control.path = "/run/x.sock"; },
         {"control.path: stays as it is until the daemon is stopped and started again"}},
    };
    for (const auto& [what, change, lines] : cases) {
        INFO(what);
        Spec to = example();
        change(to);
        const Difference difference = diff(example(), to);
        CHECK(describe(difference) == lines);
        CHECK(difference.empty() == lines.empty());
    }
}

TEST_CASE("only the loss of a pool or a socket counts as a removal")
{
    Spec less = example();
    less.pools.pop_back();
    CHECK(diff(example(), less).removes());
    CHECK_FALSE(diff(less, example()).removes());

    Spec renamed = example();
    renamed.sockets[1].name = "control";
    CHECK(diff(example(), renamed).removes());
}

TEST_CASE("how a socket spreads depends on who is on it")
{
    Spec spec = example();
    CHECK(effective(spec.sockets[0], spec) == Scheduling::round_robin);
    spec.pools[1].program.protocol = Protocol::systemd;
    CHECK(effective(spec.sockets[0], spec) == Scheduling::shared);
    CHECK(effective(spec.sockets[1], spec) == Scheduling::round_robin);
    spec.sockets[1].listen.family = Address::Family::udp;
    CHECK(effective(spec.sockets[1], spec) == Scheduling::shared);
}
