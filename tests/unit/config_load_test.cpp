// SPDX-License-Identifier: MIT
// What a spec that is right becomes.
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <tuple>
#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/unit/config_support.hpp"

using namespace ostler::config;

namespace
{

Spec spec_from(const std::string& text, const Variables& variables = {})
{
    const Loaded loaded = parse_in(text, variables);
    CHECK(lines_of(loaded) == std::vector<std::string>{});
    REQUIRE(loaded.spec);
    return *loaded.spec;
}

Pool pool_from(const std::string& keys, const Variables& variables = {})
{
    return spec_from("sockets: {web: {listen: \"tcp://127.0.0.1:80\"}}\n"
                     "pools: {p: {exec: /bin/sh, " +
                         keys + "}}",
                     variables)
        .pools.at(0);
}

} // namespace

TEST_CASE("exec alone makes a pool of one, with every default of the structs")
{
    const Spec spec = spec_from("pools: {p: {exec: /bin/sh}}");
    REQUIRE(spec.pools.size() == 1);
    Pool expected{.name = "p"};
    expected.program.exec = "/bin/sh";
    expected.program.cwd = "/usr";
    CHECK(spec.pools[0] == expected);
    CHECK(spec.pools[0].place.line == 1);
    CHECK(spec.pools[0].place.column == 9);
    CHECK(spec.path == "/usr/spec.yaml");
    CHECK(spec.watch == Watch::changes);
    CHECK_FALSE(spec.ready_when);
}

TEST_CASE("every key of a spec arrives where it belongs")
{
    const Spec spec = spec_from(R"(
control: {path: run/c.sock, observe: ["@root"], operate: ["0", root], administer: [root]}
log: {level: debug, format: json}
watch: all
ready_when: any
x-anything: [goes, {here: true}]
sockets:
  web: {listen: "tcp://[::1]:80", scheduling: round-robin, backlog: 7, v6only: true, keepalive: true,
        nodelay: true, defer_accept: 2s, overflow: shed, patience: 3s}
  file: {listen: "unix:run/a.sock", mode: "0660", owner: root, group: root}
pools:
  api:
    exec: sh
    args: [-c, 8080, true]
    workers: 3
    sockets: [file, web]
    protocol: ostler
    env: {A: "1", B: x y}
    env_clear: true
    cwd: bin
    umask: "027"
    nice: 5
    cpu_affinity: [0]
    oom_score_adj: -5
    limits: {nofile: 65536, core: unlimited}
    no_new_privileges: true
    stdout: "file:/var/out"
    stderr: null
    ready: {when: notify, timeout: 5s}
    restart:
      policy: on-failure
      backoff: {initial: 1s, next: 2s, factor: 1.5, max: 3s, jitter: 10%, reset_after: 4s}
      budget: {restarts: 3, within: 5s, then: exit}
      success_codes: [0, 7]
      stay_down_codes: [9]
    stop: {delay: 1s, drain: 2s, signal: QUIT, kill_after: 3s}
    rollout: {surge: 0, unavailable: 0, min_healthy: 1s, deadline: 2s, on_failure: stop}
    messages: {limit: 64K, waiting: 2M, patience: 4s}
)");
    CHECK(spec.control.path == "/usr/run/c.sock");
    CHECK(spec.control.observe.groups == std::vector<gid_t>{0});
    CHECK(spec.control.operate.users == std::vector<uid_t>{0, 0});
    CHECK(spec.log == Log{LogLevel::debug, LogFormat::json});
    CHECK(spec.watch == Watch::all);
    CHECK(spec.ready_when == 1U);

    REQUIRE(spec.sockets.size() == 2);
    Socket web{.name = "web",
               .listen = {.host = "::1", .port = 80},
               .scheduling = Scheduling::round_robin,
               .backlog = 7,
               .v6only = true,
               .keepalive = true,
               .nodelay = true,
               .defer_accept = 2s,
               .overflow = Overflow::shed,
               .patience = 3s};
    CHECK(spec.sockets[0] == web);
    CHECK(spec.sockets[1].listen.path == "/usr/run/a.sock");
    CHECK(spec.sockets[1].mode == mode_t{0660});
    CHECK(spec.sockets[1].owner == uid_t{0});
    CHECK(spec.sockets[1].group == gid_t{0});

    REQUIRE(spec.pools.size() == 1);
    const Pool& api = spec.pools[0];
    const Program program{.exec = "/usr/bin/sh",
                          .args = {"-c", "8080", "true"},
                          .sockets = {"file", "web"},
                          .env = {{"A", "1"}, {"B", "x y"}},
                          .env_clear = true,
                          .cwd = "/usr/bin",
                          .umask = 027,
                          .nice = 5,
                          .cpu_affinity = {0},
                          .oom_score_adj = -5,
                          .limits = {{RLIMIT_NOFILE, 65536}, {RLIMIT_CORE, RLIM_INFINITY}},
                          .no_new_privileges = true,
                          .out = {Output::Kind::file, "/var/out"},
                          .err = {Output::Kind::null, ""}};
    CHECK(api.program == program);
    CHECK(api.workers == 3);
    CHECK(api.ready == Ready{ReadyWhen::notify, 5s});
    CHECK(api.restart == Restart{RestartWhen::on_failure,
                                 {1s, 2s, 1.5, 3s, 0.1, 4s},
                                 {3, 5s, BudgetSpent::exit},
                                 {0, 7},
                                 {9}});
    CHECK(api.stop == Stop{1s, 2s, 3, 3s});
    CHECK(api.rollout == Rollout{0, 1s, 2s, RolloutFailure::stop});
    CHECK(api.messages == Messages{64 << 10, 2 << 20, 4s});
}

TEST_CASE("workers: auto is one a CPU that the daemon may use")
{
    cpu_set_t set;
    REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
    CHECK(pool_from("workers: auto").workers == static_cast<unsigned>(CPU_COUNT(&set)));
}

TEST_CASE("what is ready depends on the protocol unless the spec says it")
{
    CHECK(pool_from("sockets: [web]").ready.when == ReadyWhen::listening);
    CHECK(pool_from("sockets: [web], ready: {timeout: 1s}").ready.when == ReadyWhen::listening);
    CHECK(pool_from("sockets: [web], ready: {when: online}").ready.when == ReadyWhen::online);
    CHECK(pool_from("sockets: [web], protocol: systemd").ready.when == ReadyWhen::spawned);
    CHECK(pool_from("args: []").ready.when == ReadyWhen::spawned);
    CHECK(pool_from("protocol: none").ready.when == ReadyWhen::spawned);
}

TEST_CASE("the user of a pool is looked up with all its groups")
{
    const auto root = pool_from("user: root").program.user;
    REQUIRE(root);
    CHECK(root->uid == 0);
    CHECK(root->gid == 0);
    CHECK(root->name == "root");
    CHECK(root->groups == std::vector<gid_t>{0});

    const auto number = pool_from("user: 54321, group: 54322, supplementary_groups: [54323]");
    CHECK(number.program.user == User{54321, 54322, {54323}, "54321"});

    const auto group_only = pool_from("group: 54322, supplementary_groups: []").program.user;
    REQUIRE(group_only);
    CHECK(group_only->uid == ::geteuid());
    CHECK(group_only->gid == 54322);
    CHECK(group_only->groups.empty());
}

TEST_CASE("variables are filled in wherever a value is text, numbers included")
{
    const Pool pool = pool_from("workers: \"${N}\", args: [\"${A:-b}\", \"${OSTLER_SLOT}\", $$x], "
                                "cwd: \"${DIR}\", stdout: \"file:/var/${OSTLER_POOL}/x\"",
                                {{"N", "3"}, {"DIR", "/tmp"}});
    CHECK(pool.workers == 3);
    CHECK(pool.program.args == std::vector<std::string>{"b", "${OSTLER_SLOT}", "$$x"});
    CHECK(pool.program.cwd == "/tmp");
    CHECK(pool.program.out.path == "/var/${OSTLER_POOL}/x");
}

TEST_CASE("defaults lie under each pool, key by key")
{
    const Spec spec = spec_from(R"(
defaults:
  exec: /bin/sh
  args: [-x]
  env: {A: default, B: default}
  restart: {policy: never, budget: {restarts: 3}}
pools:
  one: {env: {A: own}, restart: {budget: {within: 5s}}}
  two: {args: [], restart: {policy: always}}
)");
    const auto& [one, two] = std::tie(spec.pools.at(0), spec.pools.at(1));
    CHECK(one.program.exec == "/bin/sh");
    CHECK(one.program.args == std::vector<std::string>{"-x"});
    CHECK(one.program.env ==
          std::vector<std::pair<std::string, std::string>>{{"A", "own"}, {"B", "default"}});
    CHECK(one.restart.policy == RestartWhen::never);
    CHECK(one.restart.budget == Budget{3, 5s, BudgetSpent::slow});
    CHECK(two.program.args.empty());
    CHECK(two.restart.policy == RestartWhen::always);
    CHECK(two.restart.budget.restarts == 3);
}

TEST_CASE("anchors, aliases and merge keys say a thing once")
{
    const Spec spec = spec_from(R"(
x-base: &base {exec: /bin/sh, workers: 2, stop: &stop {drain: 1s}}
x-more: &more {workers: 9, nice: 4}
pools:
  one: {<<: *base, workers: 5}
  two: {<<: [*base, *more], stop: {<<: *stop, signal: INT}}
)");
    const Pool& one = spec.pools.at(0);
    CHECK(one.program.exec == "/bin/sh");
    CHECK(one.workers == 5);
    CHECK(one.stop.drain == 1s);
    const Pool& two = spec.pools.at(1);
    CHECK(two.workers == 2);
    CHECK(two.program.nice == 4);
    CHECK(two.stop == Stop{0s, 1s, 2, 10s});
}

TEST_CASE("OSTLER_SCHED_POLICY is the default of sockets that say nothing and can")
{
    const std::string text = "sockets: {a: {listen: \"tcp://127.0.0.1:80\"}, "
                             "b: {listen: \"tcp://127.0.0.1:81\", scheduling: round-robin}, "
                             "c: {listen: \"udp://127.0.0.1:80\"}}\n"
                             "pools: {p: {exec: /bin/sh}}";
    struct Case {
        const char* policy;
        Scheduling a, b, c;
    };
    using enum Scheduling;
    for (const auto& [policy, a, b, c] :
         {Case{"", automatic, round_robin, automatic}, Case{"none", shared, round_robin, shared},
          Case{"shared", shared, round_robin, shared},
          Case{"rr", round_robin, round_robin, automatic},
          Case{"round-robin", round_robin, round_robin, automatic}}) {
        INFO(policy);
        const Spec spec = spec_from(text, {{"OSTLER_SCHED_POLICY", policy}});
        CHECK(spec.sockets.at(0).scheduling == a);
        CHECK(spec.sockets.at(1).scheduling == b);
        CHECK(spec.sockets.at(2).scheduling == c);
    }
}
